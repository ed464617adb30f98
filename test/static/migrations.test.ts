import assert from 'node:assert/strict';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';

/**
 * What docs/upgrading.md promises: a migration only adds, so that masters of the release before go on working beside
 * new ones on the migrated database.
 */

/** What takes something away, or makes writes of the release before fail. */
const breaking: readonly (readonly [RegExp, string])[] = [
  [/\bDROP\s+(TABLE|COLUMN|SCHEMA|TYPE|VIEW)\b/i, 'drops what the release before reads'],
  [/\bRENAME\b/i, 'renames what the release before reads'],
  [/\bALTER\s+COLUMN\s+"?\w+"?\s+(SET\s+DATA\s+)?TYPE\b/i, 'changes the type of a column'],
  [/\bSET\s+NOT\s+NULL\b/i, 'refuses what the release before may write'],
  [/\bADD\s+(CONSTRAINT|CHECK|UNIQUE|FOREIGN)\b/i, 'refuses what the release before may write'],
  [
    /\bADD\s+COLUMN\s+(?:(?!,|;|\bDEFAULT\b)[\s\S])*\bNOT\s+NULL\b(?![^,;]*\bDEFAULT\b)/i,
    'wants a value that the release before does not write',
  ],
  [/\b(TRUNCATE|DELETE\s+FROM)\b/i, 'deletes rows'],
];

/** Migrations that do so all the same, each with its reason. */
const allowed: Readonly<Record<string, string>> = {};

function problemsOf(sql: string): string[] {
  const statements = sql.replace(/--.*$/gm, '');
  return breaking.flatMap(([pattern, problem]) => (pattern.test(statements) ? [problem] : []));
}

describe('migrations', () => {
  const root = fileURLToPath(new URL('../../prisma/migrations', import.meta.url));
  const files = globSync('*/migration.sql', { cwd: root }).sort();

  it('are there, named by their time', () => {
    assert.ok(files.length >= 12);
    for (const file of files) assert.match(dirname(file), /^\d{14}_[a-z_]+$/);
  });

  for (const file of files) {
    it(`${dirname(file)} only adds`, () => {
      const name = dirname(file);
      const problems = problemsOf(readFileSync(`${root}/${file}`, 'utf8'));
      assert.deepEqual(problems, allowed[name] === undefined ? [] : problems);
    });
  }

  it('are excused only where they exist', () => {
    for (const name of Object.keys(allowed)) assert.ok(existsSync(`${root}/${name}`), basename(name));
  });

  it('are caught where they take away', () => {
    for (const [sql, problem] of [
      ['DROP TABLE "run"', /drops/],
      ['ALTER TABLE "run" DROP COLUMN "reason"', /drops/],
      ['ALTER TABLE "run" RENAME COLUMN "a" TO "b"', /renames/],
      ['ALTER TABLE "run" ALTER COLUMN "tick" TYPE TEXT', /type/],
      ['ALTER TABLE "run" ALTER COLUMN "tick" SET NOT NULL', /refuses/],
      ['ALTER TABLE "run" ADD COLUMN "a" TEXT NOT NULL', /does not write/],
      ['ALTER TABLE "run" ADD COLUMN "a" TEXT DEFAULT \'x\', ADD COLUMN "b" INT NOT NULL;', /does not write/],
      ['ALTER TABLE "run" ADD CONSTRAINT "c" CHECK (true)', /refuses/],
      ['DELETE FROM "skip"', /deletes/],
    ] as const) {
      assert.match(problemsOf(sql).join(), problem, sql);
    }
    for (const sql of [
      'ALTER TABLE "run" ADD COLUMN "a" TEXT NOT NULL DEFAULT \'\'',
      'CREATE TABLE "a" ("b" TEXT NOT NULL, CONSTRAINT "a_pkey" PRIMARY KEY ("b"))',
      'ALTER TABLE "run" ALTER COLUMN "retry" DROP DEFAULT',
      '-- DROP TABLE "run"',
    ]) {
      assert.deepEqual(problemsOf(sql), [], sql);
    }
  });
});
