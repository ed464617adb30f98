import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Store } from '../../../src/store/store.ts';
import { minute, newName, start } from './fixtures.ts';

export function freezesConformance(store: () => Store): void {
  const of = async (scope: string) => (await store().listFreezes()).filter(freeze => freeze.scope === scope);
  const wanted = { by: 'somebody', reason: 'a migration' };

  describe('freezes', () => {
    it('stand until they are thawed, and are kept', async () => {
      const scope = newName('shop');
      const freeze = await store().freeze({ scope, now: start, ...wanted });
      assert.deepEqual(freeze, { scope, since: start, ...wanted });
      assert.equal(await store().thaw(newName('other'), start + 1), undefined);
      const thawed = await store().thaw(scope, start + minute);
      assert.deepEqual(thawed, { ...freeze, endedAt: start + minute });
      assert.equal(await store().thaw(scope, start + 2 * minute), undefined);
      const again = await store().freeze({ scope, now: start + 3 * minute, ...wanted });
      assert.deepEqual(await of(scope), [thawed, again]);
    });

    it('get another end and reason where one stands, and begin anew where it is over', async () => {
      const scope = newName('shop');
      await store().freeze({ scope, now: start, until: start + minute, ...wanted });
      const longer = { scope, until: start + 3 * minute, by: 'another', reason: 'longer' };
      const changed = await store().freeze({ ...longer, now: start + 1 });
      assert.deepEqual(changed, { ...longer, since: start });
      const next = await store().freeze({ scope, now: start + 3 * minute, ...wanted });
      assert.deepEqual(await of(scope), [changed, next]);
    });

    it('are one, however many ask at once', async () => {
      const scope = newName('shop');
      await Promise.all([0, 1, 2, 3].map(i => store().freeze({ scope, now: start + i, ...wanted })));
      assert.equal((await of(scope)).length, 1);
    });

    it('say since when Consul has them', async () => {
      const scope = newName('shop');
      const freeze = await store().freeze({ scope, now: start, ...wanted });
      await store().freezesPublished([freeze], start + 5);
      await store().freezesPublished([freeze], start + 9);
      assert.deepEqual(await of(scope), [{ ...freeze, publishedAt: start + 5 }]);
    });

    it('are forgotten once they were over before an instant', async () => {
      const [over, thawed, standing] = [newName('a'), newName('b'), newName('c')];
      await store().freeze({ scope: over, now: start, until: start + minute, ...wanted });
      await store().freeze({ scope: thawed, now: start, until: start + 9 * minute, ...wanted });
      await store().thaw(thawed, start + minute);
      await store().freeze({ scope: standing, now: start, ...wanted });
      const term = await store().nextTerm(newName('role'), 'master-1');
      await store().retain(term, start + minute, 100);
      assert.deepEqual(
        [await of(over), await of(thawed)].map(list => list.length),
        [1, 1],
      );
      await store().retain(term, start + minute + 1, 100);
      assert.deepEqual(
        [await of(over), await of(thawed), await of(standing)].map(list => list.length),
        [0, 0, 1],
      );
    });
  });
}
