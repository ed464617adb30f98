// The rows of the two tables.
import { duration, serverNow, tone, underWay } from './format.js';
import { h, time } from './view.js';

/** @typedef {import('./api.js').Job} Job */
/** @typedef {import('./api.js').Run} Run */

/** What the buttons of the rows do. @typedef {{
 *   showJob: (job: Job) => void, trigger: (job: Job) => Promise<unknown>, suspend: (job: Job, suspend: boolean) => Promise<unknown>,
 *   showRun: (run: Run) => void, kill: (run: Run) => Promise<unknown> }} Actions */

/** @param {Run} run */
export const state = run => h('span', { class: `state ${tone(run.state)}` }, run.state);

/** A job's name; the namespace only where it says something. @param {{ namespace: string, name: string }} job */
export const title = job => (job.namespace === 'default' ? job.name : `${job.namespace}/${job.name}`);

/** @param {Job} job @param {Actions} actions */
export function jobRow(job, actions) {
  const { spec, status, metadata } = job;
  const name = title(metadata);
  const last = status.lastRun;
  return h(
    'tr',
    {},
    h(
      'td',
      { class: 'first' },
      link(name, 'show', () => actions.showJob(job)),
      ...(status.problems ?? []).map(problem => h('div', { class: 'problem small' }, problem)),
    ),
    cell('Schedule', h('code', {}, spec.schedule), spec.timeZone && h('div', { class: 'quiet small' }, spec.timeZone)),
    cell('Next tick', still(job) ?? instant(status.nextTick)),
    cell('Last run', last ? lastRun(last, actions) : h('span', { class: 'quiet' }, 'none yet')),
    h(
      'td',
      { class: 'actions' },
      button('Run now', 'trigger', `Run ${name} now`, () => actions.trigger(job)),
      spec.suspend || status.paused
        ? button('Resume', 'suspend', `Resume ${name}`, () => actions.suspend(job, false))
        : button('Suspend', 'suspend', `Suspend ${name}`, () => actions.suspend(job, true)),
    ),
  );
}

/** Why no tick of it is due. @param {Job} job */
function still({ spec, status: { paused } }) {
  if (paused) return h('span', { class: 'state warn', title: paused.detail }, 'Paused');
  return spec.suspend ? h('span', { class: 'state warn' }, 'Suspended') : undefined;
}

/** @param {Run} run @param {Actions} actions */
function lastRun(run, actions) {
  const show = link('', 'log', () => actions.showRun(run), `Last run: ${run.state}. Show its log`);
  show.append(state(run));
  return h(
    'span',
    {},
    show,
    ' ',
    h('span', { class: 'quiet small' }, time(run.finishedAt ?? run.startedAt ?? run.requestedAt)),
  );
}

/** @param {Run} run @param {Actions} actions */
export function runRow(run, actions) {
  const name = title(run);
  const kind = run.trigger === 'tick' ? undefined : h('span', { class: 'quiet small' }, ` ${run.trigger}`);
  const part = run.member && h('span', { class: 'quiet small' }, ` ${run.member.index + 1}/${run.member.count}`);
  return h(
    'tr',
    {},
    h('td', { class: 'first' }, state(run), note(run)),
    cell('Job', name, part, kind),
    cell('For', time(run.tick ?? run.requestedAt)),
    cell('Took', took(run)),
    cell('Worker', run.worker ?? h('span', { class: 'quiet' }, '–')),
    h(
      'td',
      { class: 'actions' },
      button('Log', 'log', `Show the log of ${name}`, () => actions.showRun(run)),
      underWay(run.state) ? button('Kill', 'kill', `Kill this run of ${name}`, () => actions.kill(run)) : undefined,
    ),
  );
}

/** What there is to say beside a run's state. @param {Run} run */
function note(run) {
  if (run.nextAttemptAt === undefined) return run.reason && h('span', { class: 'quiet small' }, ` ${run.reason}`);
  return h('span', { class: 'quiet small' }, ` ${run.lastOutcome}, again `, time(run.nextAttemptAt));
}

/** @param {Run} run */
function took(run) {
  const began = run.startedAt ?? run.claimedAt;
  if (began === undefined) return '–';
  if (run.finishedAt !== undefined) return duration(Date.parse(run.finishedAt) - Date.parse(began));
  return underWay(run.state) ? h('span', { 'data-since': began }, duration(serverNow() - Date.parse(began))) : '–';
}

/** Tells anew how long what is under way has taken. */
export function refreshDurations() {
  for (const element of document.querySelectorAll('[data-since]')) {
    element.textContent = duration(serverNow() - Date.parse(element.getAttribute('data-since') ?? ''));
  }
}

/** @param {string | undefined} when */
const instant = when => (when === undefined ? h('span', { class: 'quiet' }, 'none') : time(when, { due: true }));

/** @param {string} label @param {...(Node | string | undefined)} children */
const cell = (label, ...children) => h('td', { 'data-label': label }, h('div', {}, ...children));

/** @param {string} text @param {string} action @param {() => void} onclick @param {string} [label] */
const link = (text, action, onclick, label) =>
  h('button', { type: 'button', class: 'link', 'data-action': action, 'aria-label': label, onclick }, text);

/**
 * A button that can't be pressed again until what it does is done.
 *
 * @param {string} text
 * @param {string} action
 * @param {string} label
 * @param {() => unknown} act
 */
function button(text, action, label, act) {
  const onclick = async (/** @type {Event} */ event) => {
    const target = /** @type {HTMLButtonElement} */ (event.currentTarget);
    if (target.getAttribute('aria-disabled') === 'true') return;
    // Not `disabled`: that would take the focus away.
    target.setAttribute('aria-disabled', 'true');
    await act();
    target.removeAttribute('aria-disabled');
  };
  return h('button', { type: 'button', 'data-action': action, 'aria-label': label, onclick }, text);
}
