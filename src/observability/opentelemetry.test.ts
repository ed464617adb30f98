import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';

const probe = `
  import { startTracing } from ${JSON.stringify(new URL('./opentelemetry.ts', import.meta.url).href)};
  import { silentLogger as logger } from ${JSON.stringify(new URL('./logger.ts', import.meta.url).href)};
  import { registerHooks } from 'node:module';
  let loaded = 0;
  registerHooks({ load: (url, context, next) => { if (url.includes('@opentelemetry')) loaded++; return next(url, context); } });
  const tracing = await startTracing({ program: 'worker', version: '0', logger, endpoint: process.argv[1] || undefined });
  await tracing.stop();
  console.log(JSON.stringify({ enabled: tracing.enabled, loaded: loaded > 0 }));
`;
const start = (endpoint: string, env: Record<string, string> = {}) =>
  JSON.parse(
    execFileSync(process.execPath, ['--input-type=module', '-e', probe, endpoint], {
      env: { ...process.env, ...env },
      encoding: 'utf8',
    }),
  );

test('nothing is loaded where no traces are asked for', () => {
  assert.deepEqual(start(''), { enabled: false, loaded: false });
  assert.deepEqual(start('http://127.0.0.1:9', { OTEL_SDK_DISABLED: 'true' }), { enabled: false, loaded: false });
  assert.deepEqual(start('http://127.0.0.1:9'), { enabled: true, loaded: true });
});
