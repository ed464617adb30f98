import fc from 'fast-check';

/** Texts near the schedule language: most are schedules, some are not. Blanks, cases and prefixes vary. */

const blanks = fc.constantFrom(
  ' ',
  ' ',
  ' ',
  '  ',
  '\t',
  ' \t ',
  '\n',
  '\v',
  '\f',
  '\u00a0',
  '\u2003',
  '\u3000',
  '\ufeff',
);
const edge = fc.oneof({ weight: 4, arbitrary: fc.constant('') }, { weight: 1, arbitrary: blanks });

function number(min: number, max: number): fc.Arbitrary<string> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.integer({ min, max }).map(String) },
    { weight: 1, arbitrary: fc.integer({ min, max }).map(value => String(value).padStart(2, '0')) },
  );
}

function field(min: number, max: number, extra: readonly string[] = []): fc.Arbitrary<string> {
  const one = number(min, max);
  const range = fc
    .tuple(fc.integer({ min, max }), fc.integer({ min, max }))
    .map(([a, b]) => [Math.min(a, b), Math.max(a, b)]);
  const item = fc.oneof(
    fc.constantFrom('*', '?', 'H', 'h', ...extra),
    one,
    range.map(([from, to]) => `${from}-${to}`),
    fc.tuple(range, fc.integer({ min: 1, max: 90 })).map(([[from, to], step]) => `${from}-${to}/${step}`),
    range.map(([from, to]) => `H(${from}-${to})`),
    fc.integer({ min: 1, max: 90 }).map(step => `*/${step}`),
    fc.integer({ min: 1, max: 30 }).map(step => `H/${step}`),
  );
  return fc.array(item, { minLength: 1, maxLength: 3 }).map(items => items.join(','));
}

const months = ['JAN', 'feb', 'Mar-JUN', 'NOV-FEB', 'ſep', '*/2'];
const weekdays = ['MON-FRI', 'sun', 'FRI#2', '5L', 'sat-sun', '7', '0#1', 'frı'];
const fields = fc
  .tuple(
    fc.option(field(0, 59), { nil: undefined }),
    field(0, 59),
    field(0, 23),
    field(1, 31, ['L', 'LW', '15W', 'lw', '1w']),
    field(1, 12, months),
    field(0, 7, weekdays),
    fc.option(field(1970, 2099), { nil: undefined }),
  )
  .map(([second, minute, hour, day, month, weekday, year]) => {
    const five = [minute, hour, day, month, weekday];
    if (second === undefined) return five;
    return year === undefined ? [second, ...five] : [second, ...five, year];
  });

const spaced = fields.chain(parts =>
  fc.array(blanks, { minLength: parts.length, maxLength: parts.length }).map(gaps => {
    return parts.map((part, index) => (index === 0 ? part : `${gaps[index]}${part}`)).join('');
  }),
);

const macro = fc.constantFrom(
  ...['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly', '@minutely', '@manually'],
  ...[
    '@DAILY',
    '@Manually',
    '@wee\u212aly',
    '@every 90s',
    '@EVERY 1h30m',
    '@every\t1.5h',
    '@every 500ms',
    '@every 2w1d',
  ],
  ...['@at 2026-03-29T01:00:00Z', '@AT  2026-03-29t01:00:00.123456+05:30', '@At 2030-12-31T23:59:59-00:00'],
);

const prefix = fc.oneof(
  { weight: 3, arbitrary: fc.constant('') },
  {
    weight: 1,
    arbitrary: fc
      .tuple(fc.constantFrom('TZ=', 'CRON_TZ='), fc.constantFrom('UTC', 'Europe/Berlin', '+02:00', 'Etc/GMT+2'), blanks)
      .map(parts => parts.join('')),
  },
);

export const scheduleTexts: fc.Arbitrary<string> = fc
  .tuple(edge, prefix, fc.oneof({ weight: 3, arbitrary: spaced }, { weight: 1, arbitrary: macro }), edge)
  .map(parts => parts.join(''));
