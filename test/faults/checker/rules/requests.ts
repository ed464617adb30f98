import { type Book, clock, keyOf, type Violation } from '../book.ts';
import { bounds } from '../bounds.ts';

/** What was acknowledged to a client: a run that was asked for came, or says why not; the last edit is what is there. */
export function requests(book: Book): Violation[] {
  return [...triggers(book), ...lastEdits(book)];
}

function triggers(book: Book): Violation[] {
  return book.history.requests.flatMap((request): Violation[] => {
    if (request.action !== 'trigger' || request.result !== 'done') return [];
    const id = request.run ?? 'a run without an id';
    const what = `${keyOf(request)}: ${id}, asked for at ${clock(request.sent)}`;
    const run = book.runs.get(id);
    if (run === undefined) return [{ rule: 'request', what: `${what}, is forgotten` }];
    if (book.starts.has(id) || (run.reason ?? run.message) !== undefined) return [];
    // It waits, or is being started: how long that may last is another rule's.
    if (['Pending', 'Claimed', 'Running', 'Killed'].includes(run.state)) return [];
    return [{ rule: 'request', what: `${what}, never started, and is ${run.state} without a word` }];
  });
}

/** By what Consul has in the end: the revision of the last acknowledged edit, nothing of what was deleted. */
function lastEdits(book: Book): Violation[] {
  const { jobSets, run } = book.history;
  const last = jobSets.findLast(({ consul, at }) => consul !== undefined && at >= run.healedAt + bounds.recovery);
  const { consul } = last ?? {};
  if (consul === undefined) return [];
  return [...book.jobs].flatMap(([key, { edits }]): Violation[] => {
    const edit = edits.at(-1);
    if (edit === undefined || edit.result !== 'done') return [];
    const wanted = edit.action === 'delete' ? undefined : edit.revision;
    if (edit.action !== 'delete' && wanted === undefined) return [];
    if (consul[key] === wanted) return [];
    const has = consul[key] === undefined ? 'nothing' : `revision ${consul[key]}`;
    return [
      {
        rule: 'request',
        what: `${key}: ${edit.action} of ${clock(edit.sent)} was acknowledged as ${wanted ?? 'done'}, Consul has ${has}`,
      },
    ];
  });
}
