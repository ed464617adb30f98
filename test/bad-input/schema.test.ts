import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Demand, demandsOf } from './demands.ts';
import { tables } from './tables.ts';

interface Shown {
  readonly fields: readonly string[];
  readonly message: string;
}

/** `spec.secretRefs[0].name = "1A": must be …` as the schema names it, and its message. */
function shownBy(line: string): Shown {
  const pattern = /^(.+?)(?: = .*?)?: ((?:is|must|needs|the name|exactly|at least) .*)$/s;
  const [, field = '', message = ''] = pattern.exec(line) ?? [];
  const general = field.replaceAll(/\[\d+\]/g, '[]').replaceAll(/\["[^"]*"\]/g, '.*');
  const above = general.replace(/\.?[^.]+$/, '');
  const entry = above === '' ? '*' : `${above}.*`;
  return { fields: [general, entry, entry.replace('*', '?')], message };
}

for (const { kind, rows, schema, filled } of tables) {
  describe(`the table of wrong manifests of a ${kind}`, () => {
    it('has enough of them, each under a name of its own', () => {
      assert.ok(rows.length >= (kind === 'job' ? 200 : 50), `${rows.length}`);
      assert.equal(new Set(rows.map(([what]) => what)).size, rows.length);
    });

    it('shows all that the schema refuses: whoever adds a field or a rule adds a row to test/bad-input/rows', () => {
      const shown = rows.flatMap(([, , says]) => says.map(shownBy));
      const isShown = ({ field, message }: Demand): boolean =>
        shown.some(one => one.fields.includes(field) && message.test(one.message));
      const demands = demandsOf(schema).filter(({ field, what }) => what !== 'left out' || !filled.includes(field));
      assert.ok(demands.length > (kind === 'job' ? 300 : 40), `${demands.length}`);
      const missing = demands.filter(demand => !isShown(demand)).map(({ field, what }) => `${field}: ${what}`);
      assert.deepEqual(missing, []);
    });
  });
}
