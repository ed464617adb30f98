import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CronmeshError } from '../../src/domain/errors.ts';
import { validateManifest } from '../../src/domain/job/validate.ts';
import { lines } from './row.ts';
import { rows } from './rows.ts';

describe('a wrong manifest', () => {
  for (const [what, manifest, says] of rows) {
    it(`is told: ${what}`, () => {
      assert.throws(
        () => validateManifest(manifest),
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
