import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { createLogger, setLogLevel } from './logger.ts';

describe('setLogLevel', () => {
  it('reaches children, and theirs, that were made before, and those made after', () => {
    const logger = createLogger({ level: 'info', role: 'test' });
    const child = logger.child({ component: 'a' });
    const grandchild = child.child({ component: 'b' });
    setLogLevel(logger, 'debug');
    for (const one of [logger, child, grandchild, logger.child({})]) assert.ok(one.isLevelEnabled('debug'));
    setLogLevel(logger, 'error');
    for (const one of [logger, child, grandchild, grandchild.child({})]) assert.ok(!one.isLevelEnabled('warn'));
  });
});
