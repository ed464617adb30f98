import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { Zone } from './zone.ts';

/** What a zone's clock shows at an instant, minus the instant; from `Intl`, by another way than the table's. */
function offsetByFields(zone: string): (instant: number) => number {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
  });
  return instant => {
    const [day, month, year, hour, minute, second] = (format.format(instant).match(/\d+/g) ?? []).map(Number);
    return Date.UTC(year ?? 0, (month ?? 0) - 1, day, hour, minute, second) - Math.floor(instant / 1_000) * 1_000;
  };
}

const zones = [
  'Europe/Berlin',
  'Europe/Dublin',
  'America/Sao_Paulo',
  'Australia/Lord_Howe',
  'Africa/Casablanca',
  'Africa/Monrovia',
  'Asia/Gaza',
  'Antarctica/Casey',
  'America/Argentina/Tucuman',
  'Pacific/Apia',
  'Pacific/Kwajalein',
];

describe('zone tables', () => {
  for (const name of zones) {
    it(`${name} is as Intl has it, in whatever order it is asked`, () => {
      const zone = Zone.named(name);
      const offsetAt = offsetByFields(name);
      fc.assert(
        fc.property(fc.integer({ min: Date.UTC(1900, 0, 1), max: Date.UTC(2100, 0, 1) }), instant => {
          const segment = zone.segmentAt(instant);
          assert.equal(zone.offsets[segment], offsetAt(instant));
          const start = zone.starts[segment] ?? 0;
          if (segment > 0) assert.notEqual(offsetAt(start - 1_000), offsetAt(start), 'a segment begins at a change');
          assert.ok(zone.endOf(segment, instant) > instant);
        }),
        { numRuns: 300 },
      );
      // The table is whole by now: every segment begins where the offset changes, and none is missing between.
      zone.segmentAt(Date.UTC(1900, 0, 1));
      zone.segmentAt(Date.UTC(2100, 0, 1));
      assert.deepEqual(
        zone.starts,
        [...zone.starts].sort((a, b) => a - b),
      );
      for (const [index, offset] of zone.offsets.entries()) {
        if (index > 0) assert.notEqual(offset, zone.offsets[index - 1]);
      }
    });
  }

  it('is one for each name', () => {
    assert.equal(Zone.named('Europe/Paris'), Zone.named('Europe/Paris'));
  });

  it('needs no table where nothing ever changes', () => {
    for (const [name, offset] of [
      ['UTC', 0],
      ['-03:30', -12_600_000],
      ['Etc/UTC', 0],
    ] as const) {
      const zone = Zone.named(name);
      assert.equal(zone.offsets[zone.segmentAt(8.64e15)], offset);
      assert.deepEqual(zone.starts, [Number.NEGATIVE_INFINITY]);
    }
  });

  it('holds local mean time for all the past', () => {
    const zone = Zone.named('Europe/Amsterdam');
    assert.equal(zone.segmentAt(-8.64e15), 0);
    assert.equal(zone.offsets[0], offsetByFields('Europe/Amsterdam')(Date.UTC(1800, 0, 1)));
  });
});
