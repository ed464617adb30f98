import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronmeshError } from '../../src/domain/errors.ts';
import { lines } from './row.ts';
import { tables } from './tables.ts';

for (const { kind, rows, validate } of tables) {
  describe(`a wrong manifest of a ${kind}`, () => {
    for (const [what, manifest, says] of rows) {
      it(`is told: ${what}`, () => {
        assert.throws(
          () => validate(manifest),
          error => {
            assert.ok(error instanceof CronmeshError);
            assert.equal(error.code, 'InvalidInput');
            assert.deepEqual(lines(error.problems), says);
            return true;
          },
        );
      });
    }
  });
}
