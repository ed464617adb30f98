// The page: jobs and runs, kept fresh.
import * as api from './api.js';
import { showJob, showRun, updateRun } from './dialogs.js';
import { Stream } from './stream.js';
import { jobRow, refreshDurations, runRow } from './tables.js';
import { byId, h, refreshTimes, showList } from './view.js';

/** Changes made through other masters are not told: look this often anyway, in milliseconds. */
const lookEvery = 5_000;
const firstPage = 50;
const largestPage = 500;

const search = /** @type {HTMLInputElement} */ (byId('search'));
const states = /** @type {HTMLSelectElement} */ (byId('states'));
const errorBox = byId('error');
const limits = { jobs: firstPage, runs: firstPage };

/** @param {unknown} error */
function showError(error) {
  byId('login').hidden = !(error instanceof api.TokenNeeded);
  errorBox.hidden = error === undefined;
  errorBox.textContent = error === undefined ? '' : error instanceof Error ? error.message : String(error);
}

/** What a button asked for went wrong: it stays to be read, whatever the refreshes say. */
let stayUntil = 0;

/** @param {() => Promise<unknown>} act */
async function perform(act) {
  try {
    await act();
    stayUntil = 0;
    showError(undefined);
  } catch (error) {
    stayUntil = Date.now() + 10_000;
    showError(error);
  }
  await refresh();
}

/** @type {import('./tables.js').Actions} */
const actions = {
  showJob: job => void showJob(job),
  showRun,
  trigger: job => perform(() => api.trigger(job.metadata)),
  suspend: (job, suspend) => perform(() => api.setSuspended(job.metadata, suspend)),
  kill: run => perform(() => api.kill(run.id)),
};

async function load() {
  const [jobs, runs, workers, freezes] = await Promise.all([
    api.listJobs(search.value.trim().toLowerCase(), limits.jobs),
    api.listRuns(states.value.split(' '), limits.runs),
    api.listWorkers(),
    api.listFreezes(),
  ]);
  showList(
    byId('jobs'),
    jobs.items,
    job => job.metadata.uid,
    job => jobRow(job, actions),
  );
  showList(
    byId('runs'),
    runs.items,
    run => run.id,
    run => runRow(run, actions),
  );
  updateRun(runs.items);
  showEmpty(
    'jobs',
    jobs.items.length === 0,
    search.value === '' ? noJobs : [`No job's name contains “${search.value}”.`],
  );
  showEmpty('runs', runs.items.length === 0, [states.value === '' ? 'Nothing has run yet.' : 'No such runs.']);
  byId('jobs-more').hidden = jobs.next === undefined || limits.jobs >= largestPage;
  byId('runs-more').hidden = runs.next === undefined || limits.runs >= largestPage;
  const standing = freezes.items.filter(freeze => freeze.state !== 'Over').map(freezeText);
  byId('frozen').hidden = standing.length === 0;
  byId('frozen').replaceChildren(...standing.map(text => h('span', {}, text)));
  const ready = workers.items.filter(worker => worker.ready).length;
  byId('workers').textContent =
    `${ready} of ${workers.items.length} ${workers.items.length === 1 ? 'worker' : 'workers'} ready`;
}

/** @param {import('./api.js').Freeze} freeze */
function freezeText({ scope, state, since, until, by, reason }) {
  const what = scope === '*' ? 'Everything' : `The namespace ${scope}`;
  const end = until === undefined ? '' : ` until ${new Date(until).toLocaleString()}`;
  const is =
    state === 'Pending'
      ? 'is to be frozen once Consul answers'
      : `has been frozen since ${new Date(since).toLocaleString()}`;
  return `${what} ${is}${end}, by ${by}: ${reason}`;
}

const example = `cat > hello.yaml <<EOF
metadata: { name: hello }
spec:
  schedule: "*/10 * * * * *"
  executor: { shell: { command: "echo hello" } }
EOF
npx cronmesh apply -f hello.yaml`;
const noJobs = ['No jobs yet. Make one:', h('pre', {}, example)];

/** @param {'jobs' | 'runs'} which @param {boolean} empty @param {(string | Node)[]} content */
function showEmpty(which, empty, content) {
  const place = byId(`${which}-empty`);
  // Only when it says something else: a refresh must not take away what somebody is about to copy.
  if (empty && place.dataset.says !== content[0]) {
    place.dataset.says = String(content[0]);
    place.replaceChildren(...content);
  }
  place.hidden = !empty;
}

/** @type {Promise<void> | undefined} */
let loading;
let again = false;

/** Reads everything again. While that is under way, one more time is enough for everybody who asks. */
function refresh() {
  if (loading !== undefined) {
    again = true;
    return loading;
  }
  loading = (async () => {
    do {
      again = false;
      try {
        await load();
        if (Date.now() > stayUntil) showError(undefined);
      } catch (error) {
        showError(error);
      }
    } while (again);
    loading = undefined;
  })();
  return loading;
}

function follow() {
  const live = byId('live');
  const events = api.changeStream();
  events.addEventListener('hello', () => {
    live.textContent = 'Live';
    live.classList.add('on');
    void refresh();
  });
  events.addEventListener('change', () => {
    if (!document.hidden) void refresh();
  });
  events.addEventListener('error', () => {
    live.textContent = 'Reconnecting…';
    live.classList.remove('on');
    if (events.readyState === Stream.CLOSED) setTimeout(follow, lookEvery);
  });
}

byId('login').addEventListener('submit', event => {
  event.preventDefault();
  const field = /** @type {HTMLInputElement} */ (byId('token'));
  api.useToken(field.value.trim());
  field.value = '';
  void refresh();
});

let typing = 0;
search.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(refresh, 200);
});
states.addEventListener('change', refresh);
for (const which of /** @type {const} */ (['jobs', 'runs'])) {
  byId(`${which}-more`).addEventListener('click', () => {
    limits[which] = Math.min(largestPage, limits[which] * 2);
    void refresh();
  });
}
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) void refresh();
});
setInterval(() => {
  if (!document.hidden) void refresh();
}, lookEvery);
setInterval(() => {
  refreshTimes();
  refreshDurations();
}, 1_000);

void refresh();
follow();
