// What opens above the page: a job with its next ticks, and a run with its log.
import { chainLinks, getChain, getRun, listBackfills, listSkips, logStream, nextTicks } from './api.js';
import { duration } from './format.js';
import { Stream } from './stream.js';
import { state, title } from './tables.js';
import { byId, h, time } from './view.js';

/** @typedef {import('./api.js').Job} Job */
/** @typedef {import('./api.js').Run} Run */

const dialog = /** @type {HTMLDialogElement} */ (byId('dialog'));
const body = byId('dialog-body');

/** Pieces of output shown; beyond, the oldest go: a page that holds more becomes slow. */
const maxPieces = 2_000;

/** What the open dialog has under way; aborted when it closes. */
let open = new AbortController();

/** Shows what has become of the run in the open dialog. @type {(run: Run) => void} */
let update = () => {};

/** Tells the open dialog what the page has read. @param {Run[]} runs */
export function updateRun(runs) {
  for (const run of runs) update(run);
}

byId('dialog-close').addEventListener('click', () => dialog.close());
dialog.addEventListener('close', () => open.abort());
// A click beside the box is on the dialog itself.
dialog.addEventListener('click', event => {
  if (event.target === dialog) dialog.close();
});

/** @param {string} heading @param {...Node} content */
function show(heading, ...content) {
  open.abort();
  open = new AbortController();
  update = () => {};
  byId('dialog-title').textContent = heading;
  body.replaceChildren(...content);
  if (!dialog.open) dialog.showModal();
  return open.signal;
}

/** @param {Job} job */
export async function showJob(job) {
  const { spec, metadata, status } = job;
  const ticks = h('ul', {}, h('li', { class: 'quiet' }, 'Loading…'));
  const skips = h('ul', {}, h('li', { class: 'quiet' }, 'Loading…'));
  const backfills = h('ul', {}, h('li', { class: 'quiet' }, 'Loading…'));
  const chain = h('div', {});
  const signal = show(
    title(metadata),
    facts([
      ['Schedule', h('code', {}, spec.schedule)],
      ['Time zone', spec.timeZone ?? 'UTC'],
      ['Runs', h('code', {}, whatRuns(spec.executor))],
      ['Concurrency', spec.concurrencyPolicy],
      ['Paused', status.paused && h('span', {}, time(status.paused.at), `: ${status.paused.detail}`)],
      ['From', `${status.source}, revision ${metadata.revision}`],
    ]),
    chain,
    h('h3', {}, 'Next ticks'),
    ticks,
    h('h3', {}, 'Ticks that did not run, and why'),
    skips,
    h('h3', {}, 'Backfills'),
    backfills,
  );
  const still = status.paused ? 'paused' : spec.suspend ? 'suspended' : undefined;
  await Promise.all([
    showLinks(chain, signal, metadata),
    fill(ticks, signal, still ? `None while it is ${still}.` : 'None.', async () => {
      const { items } = await nextTicks(metadata);
      return items.map(tick => h('li', {}, time(tick), ' ', h('span', { class: 'quiet small' }, tick)));
    }),
    fill(skips, signal, 'None are recorded.', async () => {
      const { items } = await listSkips(metadata);
      return items.map(skip =>
        h(
          'li',
          {},
          time(skip.to),
          `: ${skip.count === 1 ? '' : `${skip.count} ticks, `}${skip.reason}. ${skip.detail}`,
        ),
      );
    }),
    fill(backfills, signal, 'None were asked for.', async () => {
      const { items } = await listBackfills(metadata);
      return items.map(({ state: is, done, total, from, to, running, failed, skipped, requestedAt }) =>
        h(
          'li',
          {},
          time(requestedAt),
          `: ${is}, ${done} of ${total} ticks from ${from} to ${to}; ${running} running, ${failed} failed, ${skipped} skipped`,
        ),
      );
    }),
  ]);
}

/** What a job comes after, and what comes after it; nothing where it is in no chain. @param {HTMLElement} into @param {AbortSignal} signal @param {Job['metadata']} job */
async function showLinks(into, signal, job) {
  const { upstreams, downstreams } = await chainLinks(job).catch(() => ({ upstreams: [], downstreams: [] }));
  if (signal.aborted || upstreams.length + downstreams.length === 0) return;
  const above = upstreams.map(({ job, outcome, exists, arrived }) =>
    h(
      'li',
      {},
      `after ${job} on ${outcome}`,
      exists ? '' : ': missing',
      arrived ? h('span', {}, `: ${arrived.state} `, time(arrived.at)) : '',
    ),
  );
  const below = downstreams.map(({ job, outcome }) => h('li', {}, `then ${job} on ${outcome}`));
  into.replaceChildren(h('h3', {}, 'Chain'), h('ul', {}, ...above, ...below));
}

/** The runs of a run's chain, together. @param {HTMLElement} into @param {AbortSignal} signal @param {Run} run */
async function showChain(into, signal, run) {
  const { items } = await getChain(run.id).catch(() => ({ items: [] }));
  if (signal.aborted || items.length < 2) return;
  const names = new Map(items.map(one => [one.id, one.name]));
  const rows = items.map(one => {
    const after = [...new Set((one.upstream ?? []).map(id => names.get(id) ?? id))].join(', ');
    const open = h('button', { type: 'button', class: 'link', onclick: () => showRun(one) }, title(one));
    return h(
      'li',
      { 'aria-current': one.id === run.id },
      one.id === run.id ? h('strong', {}, title(one)) : open,
      ' ',
      state(one),
      h('span', { class: 'quiet small' }, after === '' ? '' : ` after ${after}`, one.message ? `: ${one.message}` : ''),
    );
  });
  into.replaceChildren(h('h3', {}, 'Chain'), h('ul', { class: 'chain' }, ...rows));
}

/** @param {HTMLElement} list @param {AbortSignal} signal @param {string} empty @param {() => Promise<Node[]>} load */
async function fill(list, signal, empty, load) {
  /** @type {Node[]} */
  let items;
  try {
    items = await load();
  } catch (error) {
    items = [h('li', { class: 'state bad' }, error instanceof Error ? error.message : String(error))];
  }
  if (signal.aborted) return;
  list.replaceChildren(...(items.length > 0 ? items : [h('li', { class: 'quiet' }, empty)]));
}

/** @param {Job['spec']['executor']} executor */
function whatRuns({ shell, http, module, custom }) {
  if (module !== undefined) return `module ${module.name}`;
  if (custom !== undefined) return `custom ${custom.name}`;
  if (http !== undefined) return `${http.method} ${http.url}`;
  const text = shell?.script ?? [shell?.command ?? ''].flat().join(' ');
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** @param {Run} run */
export function showRun(run) {
  const about = h('div', {}, runFacts(run));
  const log = h('pre', { class: 'log', tabindex: '0', role: 'log', 'aria-label': 'Output' });
  const note = h('p', { class: 'quiet small', role: 'status' }, 'Reading the log…');
  const chain = h('div', {});
  const signal = show(`Run of ${title(run)}`, about, chain, log, note);
  void showChain(chain, signal, run);
  const stream = logStream(run.id);
  signal.addEventListener('abort', () => stream.close());
  let known = JSON.stringify(run);
  update = newer => {
    const told = JSON.stringify(newer);
    if (newer.id !== run.id || told === known || signal.aborted) return;
    known = told;
    about.replaceChildren(runFacts(newer));
    void showChain(chain, signal, newer);
  };

  stream.addEventListener('open', () => {
    note.textContent = 'Following the output…';
  });
  stream.onData('output', data => {
    const { stream: source, text } = JSON.parse(data);
    // Who reads further up is not pulled down.
    const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 30;
    log.append(h('span', { class: source }, text));
    while (log.childElementCount > maxPieces) log.firstElementChild?.remove();
    if (atEnd) log.scrollTop = log.scrollHeight;
  });
  stream.onData('end', data => {
    stream.close();
    update(JSON.parse(data));
    note.textContent = log.childElementCount === 0 ? 'It has ended, without any output.' : 'It has ended.';
  });
  stream.addEventListener('error', async () => {
    note.textContent = 'The connection is lost. Trying again…';
    // A stream that was refused, not cut, does not come back by itself: say why.
    if (stream.readyState !== Stream.CLOSED) return;
    await getRun(run.id).catch(error => {
      note.textContent = error.message;
    });
  });
}

/** @param {Run} run */
function runFacts(run) {
  const { startedAt, finishedAt } = run;
  return facts([
    ['State', state(run)],
    ['Id', h('code', {}, run.id)],
    [
      'For',
      run.tick === undefined ? (run.upstream ? 'no tick: it is chained' : 'no tick: it was asked for') : time(run.tick),
    ],
    ['Worker', run.worker],
    ['Started', startedAt && time(startedAt)],
    ['Took', startedAt && finishedAt && duration(Date.parse(finishedAt) - Date.parse(startedAt))],
    ['Progress', progress(run)],
    ['Attempt', run.attempt > 1 ? String(run.attempt) : undefined],
    ['Next attempt', run.nextAttemptAt && time(run.nextAttemptAt)],
    ['Last outcome', run.lastOutcome],
    ['Exit code', run.exitCode?.toString()],
    ['Signal', run.signal],
    ['HTTP status', run.httpStatus?.toString()],
    ['Reason', run.reason],
    ['Message', run.message],
  ]);
}

/**
 * A bar with its number, and what the run says about it.
 *
 * @param {Run} run
 */
function progress(run) {
  if (run.progress === undefined) return undefined;
  const percent = `${Math.floor(run.progress)}%`;
  const bar = h('progress', { max: 100, value: run.progress, 'aria-label': 'Progress' }, percent);
  return h('span', { class: 'progress' }, bar, ` ${[percent, run.progressMessage].filter(Boolean).join(' ')}`);
}

/** @param {[string, Node | string | undefined][]} pairs */
function facts(pairs) {
  const known = pairs.filter(([, value]) => value !== undefined && value !== '');
  return h('dl', {}, ...known.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]));
}
