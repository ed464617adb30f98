import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { manifest } from '../../src/domain/job/spec.ts';
import { type Demand, demandsOf } from './demands.ts';
import { rows } from './rows.ts';

/** `spec.secretRefs[0].name = "1A": must be …` as the schema names it, and its message. */
const shown = rows.flatMap(([, , says]) => says.map(split));

function split(line: string): { readonly fields: readonly string[]; readonly message: string } {
  const [, field = '', message = ''] =
    /^(.+?)(?: = .*?)?: ((?:is|must|needs|the name|exactly|at least) .*)$/s.exec(line) ?? [];
  const general = field.replaceAll(/\[\d+\]/g, '[]').replaceAll(/\["[^"]*"\]/g, '.*');
  const above = general.replace(/\.?[^.]+$/, '');
  const entry = above === '' ? '*' : `${above}.*`;
  return { fields: [general, entry, entry.replace('*', '?')], message };
}

const isShown = ({ field, message }: Demand): boolean =>
  shown.some(one => one.fields.includes(field) && message.test(one.message));

describe('the table of wrong manifests', () => {
  it('has enough of them, each under a name of its own', () => {
    assert.ok(rows.length >= 200, `${rows.length}`);
    assert.equal(new Set(rows.map(([what]) => what)).size, rows.length);
  });

  it('shows all that the schema refuses: whoever adds a field or a rule adds a row to test/bad-input/rows', () => {
    const demands = demandsOf(manifest);
    assert.ok(demands.length > 300, `${demands.length}`);
    const missing = demands.filter(demand => !isShown(demand)).map(({ field, what }) => `${field}: ${what}`);
    assert.deepEqual(missing, []);
  });
});
