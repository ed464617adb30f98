import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { scheduleRules } from '../../scripts/crd/schedule-rules.ts';
import { parseSchedule } from '../../src/domain/schedule/index.ts';
import { scheduleTexts } from '../support/schedules.ts';

/** The rules, as JavaScript reads them. test/integration asks a real API server the same of a sample. */
const judges = scheduleRules.map(({ rule, message }) => ({ message, holds: holdsIn(rule) }));

/** `a || !b` of calls of self.matches; RE2's syntax is here a part of JavaScript's. */
function holdsIn(rule: string): (text: string) => boolean {
  const terms = rule.split(' || ').map(term => {
    const [, not, pattern] = /^(!?)self\.matches\(r"(.*)"\)$/.exec(term) ?? [];
    assert.ok(pattern !== undefined, `not understood: ${term}`);
    const expression = new RegExp(pattern.replaceAll('\\x{', '\\u{'), 'u');
    return (text: string) => expression.test(text) !== (not === '!');
  });
  return text => terms.some(term => term(text));
}

const refused = (text: string): string[] => judges.filter(({ holds }) => !holds(text)).map(({ message }) => message);

function accepted(text: string): boolean {
  try {
    parseSchedule(text);
    return true;
  } catch {
    return false;
  }
}

describe("the API server's rules for schedules", () => {
  it('refuse nothing that the engine accepts', () => {
    let schedules = 0;
    fc.assert(
      fc.property(scheduleTexts, text => {
        if (!accepted(text)) return;
        schedules += 1;
        assert.deepEqual(refused(text), []);
      }),
      { numRuns: 5_000 },
    );
    assert.ok(schedules > 2_000, `only ${schedules} of 5000 texts were schedules`);
  });

  it('refuse nothing that the engine accepts when a character of it is lost, doubled or changed', () => {
    const spoilt = fc
      .tuple(scheduleTexts, fc.nat(), fc.constantFrom('', ' ', '*', '@', '0', 'H', ',', '/'), fc.boolean())
      .map(([text, place, character, keep]) => {
        const at = place % text.length;
        return text.slice(0, at) + character + text.slice(keep ? at : at + 1);
      });
    fc.assert(
      fc.property(spoilt, text => {
        if (accepted(text)) assert.deepEqual(refused(text), []);
      }),
      { numRuns: 5_000 },
    );
  });

  it('say one thing about each text, at most', () => {
    fc.assert(
      fc.property(
        fc.oneof(scheduleTexts, fc.string(), fc.constantFrom('@reboot', '@x', '@at', '')),
        text => refused(text).length <= 1,
      ),
    );
  });
});
