import { EVENT_ID, type Event, getScalarValue } from 'js-yaml';
import { formatPath } from '../../domain/job/path.ts';

/** The line, from 1, of a field (a path as messages name it) of one document; of what holds it where it is not written. */
export type Locate = (field: string) => number | undefined;

/** For each document of a YAML text, where its fields stand. `events` are the text's own. */
export function locators(content: string, events: readonly Event[]): Locate[] {
  const lineOf = lineCounter(content);
  const cursor = { at: 0 };
  const found: Locate[] = [];
  while (cursor.at < events.length) {
    const places = new Map<string, number>();
    cursor.at++;
    if (events[cursor.at]?.type !== EVENT_ID.POP) place(content, events, cursor, [], places);
    cursor.at++;
    found.push(field => {
      const offset = nearestPlace(places, field);
      return offset === undefined ? undefined : lineOf(offset);
    });
  }
  return found;
}

/** Notes where a node and all below it begin, and goes past it. A mapping's entry begins with its key. */
function place(
  content: string,
  events: readonly Event[],
  cursor: { at: number },
  path: readonly PropertyKey[],
  places: Map<string, number>,
): void {
  const event = events[cursor.at++];
  if (event === undefined) return;
  const name = formatPath(path);
  if (!places.has(name)) places.set(name, offsetOf(event));
  if (event.type !== EVENT_ID.MAPPING && event.type !== EVENT_ID.SEQUENCE) return;
  for (let index = 0; events[cursor.at] !== undefined && events[cursor.at]?.type !== EVENT_ID.POP; index++) {
    let part: PropertyKey = index;
    if (event.type === EVENT_ID.MAPPING) {
      const key = events[cursor.at];
      part = key?.type === EVENT_ID.SCALAR ? getScalarValue(content, key) : '?';
      if (key !== undefined) places.set(formatPath([...path, part]), offsetOf(key));
      place(content, events, cursor, [...path, part], places);
    }
    place(content, events, cursor, [...path, part], places);
  }
  cursor.at++;
}

function offsetOf(event: Event): number {
  switch (event.type) {
    case EVENT_ID.MAPPING:
    case EVENT_ID.SEQUENCE:
      return event.start;
    case EVENT_ID.SCALAR:
      return event.valueStart;
    case EVENT_ID.ALIAS:
      return event.anchorStart;
    default:
      return 0;
  }
}

function nearestPlace(places: ReadonlyMap<string, number>, field: string): number | undefined {
  let path = field;
  for (;;) {
    const offset = places.get(path);
    if (offset !== undefined && offset >= 0) return offset;
    const shorter = path.replace(/(?:\.[^.[\]"]+|\[(?:\d+|"(?:[^"\\]|\\.)*")\])$/, '');
    if (shorter === path) break;
    path = shorter;
  }
  return places.get('(document)');
}

function lineCounter(content: string): (offset: number) => number {
  const starts = [0, ...Array.from(content.matchAll(/\n/g), match => match.index + 1)];
  return offset => {
    let [low, high] = [0, starts.length];
    while (high - low > 1) {
      const middle = (low + high) >>> 1;
      if ((starts[middle] ?? 0) <= offset) low = middle;
      else high = middle;
    }
    return low + 1;
  };
}
