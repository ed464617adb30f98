import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { maxCalendarBytes } from '../../src/domain/calendar/spec.ts';
import { maxDepth, maxExtent } from '../../src/domain/job/extent.ts';
import { maxInputBytes } from '../../src/domain/job/spec/executors.ts';
import { maxMembers } from '../../src/domain/job/spec/placement.ts';
import { maxJobBytes } from '../../src/domain/job/validate.ts';
import { maxBodyBytes } from '../../src/master/http/body.ts';
import { maxReports } from '../../src/wire/codec.ts';

const text = readFileSync(new URL('../../docs/input-limits.md', import.meta.url), 'utf8');
const row = (what: string): string => text.split('\n').find(line => line.startsWith(`| ${what}`)) ?? '';

describe('docs/input-limits.md', () => {
  for (const [what, limit] of [
    ['Body of a request', `${maxBodyBytes / 1024 ** 2} MiB`],
    ['Nesting', `${maxDepth} levels`],
    ['Values and characters', maxExtent.toLocaleString('en')],
    ['A job as JSON', `${maxJobBytes / 1024} KiB`],
    ['A calendar as JSON', `${maxCalendarBytes / 1024} KiB`],
    ['A module’s input'.replace('’', "'"), `${maxInputBytes / 1024} KiB`],
    ['Runs of one tick', String(maxMembers)],
    ['Reports in one message', maxReports.toLocaleString('en')],
  ] as const) {
    it(`says ${limit} of: ${what}`, () => assert.ok(row(what).includes(limit), row(what)));
  }

  it('names tests that there are', () => {
    const files = [...text.matchAll(/`((?:src|test)\/[^`]+\.ts)`/g)].map(([, file = '']) => file);
    assert.ok(files.length > 10);
    for (const file of files) assert.ok(existsSync(new URL(`../../${file}`, import.meta.url)), file);
  });
});
