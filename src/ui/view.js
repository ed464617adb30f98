// Making and refreshing pieces of the page.
import { absolute, relative } from './format.js';

/**
 * An element. Properties that begin with `on` are listeners, the others attributes; `undefined` and `false` are left out.
 *
 * @param {string} tag
 * @param {Record<string, unknown>} [properties]
 * @param {...(Node | string | undefined)} children
 */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), /** @type {EventListener} */ (value));
    else if (value !== undefined && value !== false) element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.filter(child => child !== undefined));
  return element;
}

/**
 * An instant, told relative to now and kept so; its tooltip tells it in full. What is `due` is not told as past while
 * the page has not heard of it yet.
 *
 * @param {string} instant
 * @param {{ due?: boolean }} [options]
 */
export function time(instant, { due = false } = {}) {
  const attributes = { datetime: instant, title: `${absolute(instant)} (${instant})`, 'data-due': due };
  return h('time', attributes, tell(instant, due));
}

/** @param {string} instant @param {boolean} due */
function tell(instant, due) {
  const text = relative(instant);
  return due && text.endsWith(' ago') ? 'now' : text;
}

/** Tells every shown instant anew. */
export function refreshTimes() {
  for (const element of document.querySelectorAll('time')) {
    const text = tell(element.dateTime, element.hasAttribute('data-due'));
    if (element.textContent !== text) element.textContent = text;
  }
}

/** @param {string} id @returns {HTMLElement} */
export function byId(id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page has no element ${id}`);
  return element;
}

/** What each row shows, as JSON. @type {WeakMap<HTMLElement, string>} */
const shown = new WeakMap();

/**
 * Shows a list, row by row: rows whose item is unchanged stay as they are, and the focus stays on the same button of
 * the same row, so that a refresh disturbs nobody.
 *
 * @template T
 * @param {HTMLElement} container
 * @param {T[]} items
 * @param {(item: T) => string} keyOf
 * @param {(item: T) => HTMLElement} render
 */
export function showList(container, items, keyOf, render) {
  const active = document.activeElement;
  const focused = container.contains(active)
    ? [active?.closest('[data-key]')?.getAttribute('data-key'), active?.getAttribute('data-action')]
    : undefined;
  /** @type {Map<string | undefined, HTMLElement>} */
  const old = new Map();
  for (const row of /** @type {Iterable<HTMLElement>} */ (container.children)) old.set(row.dataset.key, row);
  const rows = items.map(item => {
    const [key, state] = [keyOf(item), JSON.stringify(item)];
    const before = old.get(key);
    if (before !== undefined && shown.get(before) === state) return before;
    const row = render(item);
    row.dataset.key = key;
    shown.set(row, state);
    return row;
  });
  if (rows.length !== container.children.length || rows.some((row, i) => row !== container.children[i])) {
    container.replaceChildren(...rows);
  }
  if (focused === undefined || container.contains(document.activeElement)) return;
  const row = rows.find(one => one.dataset.key === focused[0]);
  const again = [...(row?.querySelectorAll('button') ?? [])].find(one => one.dataset.action === focused[1]);
  again?.focus();
}
