import { constructFromEvents, parseEvents, YAMLException } from 'js-yaml';
import { duplicateKey } from '../../domain/job/duplicate-key.ts';
import { formatPath } from '../../domain/job/path.ts';
import { CliError } from '../errors.ts';
import { type Locate, locators } from './lines.ts';

/** One manifest as it was written, not looked at yet. */
export interface Written {
  readonly value: unknown;
  readonly locate: Locate;
}

/**
 * The manifests of a text: JSON where it is JSON, else YAML of any number of documents. Empty ones are left out; lists
 * (what `get -o json` prints, and Kubernetes' own) are taken apart.
 *
 * @param name the text's, for messages
 * @throws CliError with status 2
 */
export function parse(content: string, name: string): Written[] {
  return (parseJson(content, name) ?? parseYaml(content, name)).flatMap(unwrapList);
}

function parseJson(content: string, name: string): Written[] | undefined {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    return undefined;
  }
  const again = duplicateKey(content);
  if (again !== undefined) {
    const line = content.slice(0, again).split('\n').length;
    throw new CliError(`${name} names a field twice at line ${line}`, { status: 2 });
  }
  return [{ value, locate: jsonLocator(content) }];
}

/** JSON is nearly always YAML as well. Where it is not, messages do without lines. */
function jsonLocator(content: string): Locate {
  try {
    return locators(content, parseEvents(content, {}))[0] ?? (() => undefined);
  } catch {
    return () => undefined;
  }
}

function parseYaml(content: string, name: string): Written[] {
  try {
    const events = parseEvents(content, {});
    const places = locators(content, events);
    return constructFromEvents(events, { source: content })
      .map((value, index) => ({ value, locate: places[index] ?? (() => undefined) }))
      .filter(({ value }) => value !== null && value !== undefined);
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error;
    const where = error.mark ? ` at line ${error.mark.line + 1}, column ${error.mark.column + 1}` : '';
    throw new CliError(`${name} is neither JSON nor YAML: ${error.reason}${where}`, { status: 2 });
  }
}

function unwrapList(written: Written): Written[] {
  const { value } = written;
  if (Array.isArray(value)) return value.map((item, index) => part(written, item, [index]));
  if (isMapping(value) && Array.isArray(value.items) && value.spec === undefined) {
    return value.items.map((item, index) => part(written, item, ['items', index]));
  }
  return [written];
}

function part({ locate }: Written, value: unknown, path: readonly PropertyKey[]): Written {
  const base = formatPath(path);
  return {
    value,
    locate: field => locate(field === '(document)' ? base : `${base}${field.startsWith('[') ? '' : '.'}${field}`),
  };
}

export function isMapping(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
