import assert from 'node:assert/strict';
import { test } from 'node:test';
import { jobKey, makeJobUid } from '../../domain/job/job.ts';
import { jobSpec } from '../../domain/job/spec.ts';
import type { JobSpell } from '../../store/store.ts';
import { SpellAgenda } from './spell-agenda.ts';

test('a spell that has ended is not brought back by what was read of it before', () => {
  const agenda = new SpellAgenda(8_000);
  const open: JobSpell = {
    uid: makeJobUid(new Uint8Array(16)),
    namespace: 'default',
    name: 'job',
    revision: 1,
    spec: jobSpec.parse({ schedule: '* * * * * *', executor: { shell: { command: 'true' } } }),
    floor: 1_000,
    anchor: 1_000,
    countsFrom: 1_000,
    accountedUntil: 1_000,
  };
  const ended: JobSpell = { ...open, until: 60_000 };
  const next: JobSpell = { ...open, revision: 2, floor: 60_000, accountedUntil: 60_000 };
  agenda.put([open], 61_000);
  agenda.put([ended, next], 61_000);
  agenda.put([open], 61_000);
  assert.equal(agenda.open(jobKey(open))?.revision, 2);
  assert.equal(agenda.take(61_000)?.spell.until, 60_000);
});
