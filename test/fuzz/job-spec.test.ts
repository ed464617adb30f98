import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import fc from 'fast-check';
import { isMapping } from '../../src/cli/manifests/parse.ts';
import { decode, encode } from '../../src/coordination/records.ts';
import { calendarManifest } from '../../src/domain/calendar/spec.ts';
import { validateCalendar } from '../../src/domain/calendar/validate.ts';
import { CronmeshError } from '../../src/domain/errors.ts';
import { manifest } from '../../src/domain/job/spec.ts';
import { type ValidManifest, validateManifest } from '../../src/domain/job/validate.ts';
import { openPgliteStore } from '../../src/store/prisma/index.ts';
import type { Store } from '../../src/store/store.ts';
import { newUid, start } from '../conformance/store/fixtures.ts';
import { near } from './support/near.ts';
import { property } from './support/settings.ts';

/** What validation may throw, and how. */
function refused(error: unknown): undefined {
  assert.ok(error instanceof CronmeshError, `threw ${(error as Error).stack}`);
  assert.equal(error.code, 'InvalidInput');
  assert.ok(error.problems.length > 0 && error.problems.length <= 100);
  for (const { field, value = '', message } of error.problems) {
    assert.ok(
      field.length <= 2_000 && value.length <= 202 && message.length <= 4_000,
      `${field.length} ${value.length} ${message.length}`,
    );
  }
  return undefined;
}

function valid(input: unknown): ValidManifest | undefined {
  try {
    return validateManifest(input);
  } catch (error) {
    return refused(error);
  }
}

/** Half of them with what nearly every random one lacks: a schedule, and one executor only. */
const jobs = fc
  .tuple(near(manifest), fc.constantFrom('@daily', '*/5 * * * MON', undefined), fc.nat(4))
  .map(([input, schedule, pick]) => {
    if (schedule === undefined || !isMapping(input) || !isMapping(input.spec)) return input;
    const executors = Object.entries(isMapping(input.spec.executor) ? input.spec.executor : {});
    const [kind, settings] = executors[pick % Math.max(1, executors.length)] ?? ['shell', { command: 'date' }];
    return { ...input, spec: { ...input.spec, schedule, executor: { [kind]: settings } } };
  });

describe('fuzz: job specs', () => {
  let store: Store;
  before(async () => {
    store = await openPgliteStore();
    await store.migrate();
  });
  after(() => store.close());

  it('any JSON near the schema is valid, or refused with problems that name fields', async () => {
    let good = 0;
    await fc.assert(
      fc.asyncProperty(jobs, async input => {
        const found = valid(input);
        if (found === undefined) return;
        good++;
        // What was found right stays so, and changes no more.
        assert.deepEqual(validateManifest(found), found);
        assert.deepEqual(JSON.parse(JSON.stringify(found)), found);
        const uid = newUid();
        const { metadata, spec } = found;
        const { labels, annotations } = metadata;
        const name = `f-${uid}`;
        const job = await store
          .createJob({
            uid,
            namespace: 'default',
            name,
            labels,
            annotations,
            spec,
            source: 'api',
            now: start,
          })
          .catch(refused);
        // It names a calendar that there is not, or itself.
        if (job === undefined) return;
        assert.deepEqual(job.spec, spec);
        const read = await store.getJob('default', name);
        assert.deepEqual([read?.spec, read?.labels, read?.annotations], [spec, labels, annotations]);
        const record = { v: 1, job: read } as const;
        assert.deepEqual(decode({ key: 'cron/jobs/default/a', value: encode(record) }), record);
      }),
      property(400),
    );
    assert.ok(good > 0, 'none was right: the inputs are too wild to say anything');
  });

  it('any JSON at all is refused', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 6 }), input => assert.equal(valid(input), undefined)),
      property(500),
    );
  });

  it('so are calendars', () => {
    fc.assert(
      fc.property(near(calendarManifest), input => {
        try {
          const found = validateCalendar(input);
          assert.deepEqual(validateCalendar(found), found);
        } catch (error) {
          refused(error);
        }
      }),
      property(1_500),
    );
  });
});
