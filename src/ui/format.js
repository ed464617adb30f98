// How times and states are written.

/** What the server's clock says more than ours, in milliseconds; see `learnServerTime`. */
let offset = 0;

/** Relative times are told by the server's clock. A Date header is whole seconds: small differences are no difference. */
export function learnServerTime(/** @type {Response} */ response) {
  const stated = Date.parse(response.headers.get('date') ?? '');
  const difference = stated + 500 - Date.now();
  if (Number.isFinite(stated)) offset = Math.abs(difference) > 2_000 ? difference : 0;
}

export const serverNow = () => Date.now() + offset;

/** `1.2 s`, `3 min 20 s`, `5 h 10 min`, `4 d 2 h` @param {number} milliseconds */
export function duration(milliseconds) {
  const seconds = Math.max(0, milliseconds) / 1_000;
  if (seconds < 0.9995) return `${Math.round(seconds * 1_000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  return coarse(seconds);
}

/** @param {number} seconds */
function coarse(seconds) {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const units = /** @type {const} */ ([
    ['d', 86_400, 'h', 3_600],
    ['h', 3_600, 'min', 60],
    ['min', 60, 's', 1],
  ]);
  for (const [unit, size, next, nextSize] of units) {
    if (whole < size) continue;
    const rest = Math.floor((whole % size) / nextSize);
    return `${Math.floor(whole / size)} ${unit}${rest === 0 ? '' : ` ${rest} ${next}`}`;
  }
  return `${whole} s`;
}

/** `in 12 s`, `3 min ago`, `now` @param {string} instant */
export function relative(instant) {
  const seconds = (Date.parse(instant) - serverNow()) / 1_000;
  if (Math.abs(seconds) < 0.5) return 'now';
  return seconds > 0 ? `in ${coarse(seconds)}` : `${coarse(-seconds)} ago`;
}

const local = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

/** In the reader's own zone. @param {string} instant */
export const absolute = instant => local.format(new Date(instant));

/** The colour of a state. @param {string} state */
export function tone(state) {
  if (state === 'Succeeded') return 'good';
  if (state === 'Pending' || state === 'Claimed' || state === 'Running') return 'busy';
  return state === 'Skipped' || state === 'Killed' ? 'warn' : 'bad';
}

/** Whether a run in this state may still change. @param {string} state */
export const underWay = state => tone(state) === 'busy';
