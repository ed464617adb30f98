import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { joinCommand, splitCommand } from './percent.ts';

describe('percent signs', () => {
  const cases: readonly (readonly [text: string, command: string, stdin?: string])[] = [
    ['run', 'run'],
    ['date +\\%F', 'date +%F'],
    ['cat%one%two', 'cat', 'one\ntwo\n'],
    ['cat%one%', 'cat', 'one\n'],
    ['cat%%two', 'cat', '\ntwo\n'],
    ['cat%', 'cat'],
    ['cat%100\\% sure', 'cat', '100% sure\n'],
    ['echo a\\b \\\\ \\%%x\\y', 'echo a\\b \\\\ %', 'x\\y\n'],
    ['echo \\\\%x', 'echo \\\\', 'x\n'],
    ['ends in \\', 'ends in \\'],
  ];
  for (const [text, command, stdin] of cases) {
    it(text, () => assert.deepEqual(splitCommand(text), stdin === undefined ? { command } : { command, stdin }));
  }

  it('are written so that they are read the same', () => {
    const part = fc.string({ unit: fc.constantFrom('a', ' ', '%', '\\', '"', '\n'), maxLength: 12 });
    fc.assert(
      fc.property(part, fc.option(part, { nil: undefined }), (command, input) => {
        const stdin = input === undefined || input === '' ? undefined : `${input.replace(/\n$/, '')}\n`;
        const written = { command, ...(stdin !== undefined && { stdin }) };
        const text = joinCommand(written);
        if (text === undefined) assert.ok(command.includes('\n') || /\\[%\n]/.test(`${command}%${stdin}`));
        else assert.deepEqual(splitCommand(text), written);
      }),
      { numRuns: 2_000 },
    );
  });

  it('are not written where there is no way', () => {
    assert.equal(joinCommand({ command: 'a\nb' }), undefined);
    assert.equal(joinCommand({ command: 'a\\%' }), undefined);
  });
});
