import type { HonoRequest } from 'hono';
import { loadAll, YAMLException } from 'js-yaml';
import { CronmeshError } from '../../domain/errors.ts';
import { duplicateKey } from '../../domain/job/duplicate-key.ts';
import { extentProblem } from '../../domain/job/extent.ts';

/** The largest body that is read, in bytes. */
export const maxBodyBytes = 1024 * 1024;

/** What a body is to be. */
export interface BodyKind {
  /** Bytes. */
  readonly most: number;
  /** Said of an empty one: this is needed. */
  readonly needed: string;
  /** Said of one that is too large. */
  readonly hint: string;
}

const manifestBody: BodyKind = { most: maxBodyBytes, needed: 'a manifest', hint: 'a job takes at most 360 KiB' };
const icalendarBody: BodyKind = {
  most: maxBodyBytes,
  needed: 'an iCalendar file',
  hint: 'a calendar takes at most 64 KiB',
};

const json = new Set(['application/json', 'application/merge-patch+json']);
const yaml = new Set(['application/yaml', 'application/x-yaml', 'text/yaml', 'application/merge-patch+yaml']);

/**
 * Reads a body, JSON or YAML by its Content-Type.
 *
 * @throws CronmeshError UnsupportedMediaType, BodyTooLarge, MalformedBody (with line and column)
 */
export async function readBody(request: HonoRequest, what: BodyKind = manifestBody): Promise<unknown> {
  const type = mediaType(request);
  if (!json.has(type) && !yaml.has(type)) {
    const given = type === '' ? 'there is no Content-Type' : `Content-Type ${type} is not read here`;
    throw new CronmeshError('UnsupportedMediaType', `${given}; send application/json or application/yaml`);
  }
  const text = await readText(request, what);
  const value = json.has(type) ? parseJson(text) : parseYaml(text);
  const problem = extentProblem(value);
  if (problem !== undefined) throw new CronmeshError('MalformedBody', `the body ${problem}`);
  return value;
}

/** Whether the body is an iCalendar file. */
export const isIcalendar = (request: HonoRequest): boolean => mediaType(request) === 'text/calendar';

/**
 * Reads a body as text, whatever its Content-Type is.
 *
 * @throws CronmeshError UnsupportedMediaType, BodyTooLarge, MalformedBody
 */
export async function readText(request: HonoRequest, what: BodyKind = icalendarBody): Promise<string> {
  const encoding = request.header('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new CronmeshError('UnsupportedMediaType', `Content-Encoding ${encoding} is not read here; send it as it is`);
  }
  const text = decode(await readBytes(request.raw, what));
  if (text.trim() === '') throw new CronmeshError('MalformedBody', `the body is empty; ${what.needed} is needed`);
  return text;
}

function mediaType(request: HonoRequest): string {
  return (request.header('content-type') ?? '').split(';')[0]?.trim().toLowerCase() ?? '';
}

/**
 * Reads a body where there need be none: an empty one, of whatever type, is an empty mapping.
 *
 * @throws CronmeshError as `readBody`
 */
export async function readBodyIfAny(request: HonoRequest): Promise<unknown> {
  const copy = request.raw.clone();
  if ((await readBytes(copy, manifestBody)).byteLength === 0) return {};
  return await readBody(request);
}

/** Stops reading at the limit, whatever Content-Length says or leaves out. */
async function readBytes(request: Request, { most, hint }: BodyKind): Promise<Uint8Array> {
  const tooLarge = (): CronmeshError =>
    new CronmeshError('BodyTooLarge', `the body is larger than ${most} bytes; ${hint}`);
  if (Number(request.headers.get('content-length') ?? 0) > most) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body ?? []) {
    size += chunk.byteLength;
    if (size > most) throw tooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function decode(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new CronmeshError('MalformedBody', 'the body is not UTF-8 text');
  }
}

function parseJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    const where = position(text, message);
    // The engine's own words, without the position that is given better here, and without a piece of the text.
    const what = message.replace(/(, | in JSON | of JSON | \(line | at position ).*$/s, '');
    throw new CronmeshError('MalformedBody', `the body is not JSON: ${what}${where}`);
  }
  const again = duplicateKey(text);
  if (again !== undefined) {
    throw new CronmeshError('MalformedBody', `the body names a field twice${lineAndColumn(text, again)}`);
  }
  return value;
}

function position(text: string, message: string): string {
  const stated = /position (\d+)/.exec(message)?.[1];
  let offset = text.length;
  if (stated !== undefined) offset = Number(stated);
  else if (isUnexpectedToken(text)) offset = unexpectedToken(text);
  return lineAndColumn(text, offset);
}

function lineAndColumn(text: string, offset: number): string {
  const before = text.slice(0, offset).split('\n');
  return ` at line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** This one error comes without a position: the shortest beginning of the text that has it ends with the token. */
function unexpectedToken(text: string): number {
  let [without, having] = [0, text.length];
  while (having - without > 1) {
    const middle = (without + having) >> 1;
    if (isUnexpectedToken(text.slice(0, middle))) having = middle;
    else without = middle;
  }
  return having - 1;
}

function isUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return error instanceof Error && error.message.startsWith('Unexpected token');
  }
}

function parseYaml(text: string): unknown {
  // An empty document, as after a closing ---, is none.
  const documents = loadYaml(text).filter(document => document !== null && document !== undefined);
  if (documents.length === 1) return documents[0];
  const what = documents.length === 0 ? 'no YAML document' : `${documents.length} YAML documents`;
  throw new CronmeshError(
    'MalformedBody',
    `the body holds ${what}; send one job at a time (cronmesh apply -f takes files of many)`,
  );
}

function loadYaml(text: string): readonly unknown[] {
  try {
    // Aliases are for convenience; thousands of them are an attack.
    return loadAll(text, { maxAliases: 100 });
  } catch (error) {
    const mark = error instanceof YAMLException ? error.mark : undefined;
    const reason = error instanceof YAMLException ? error.reason : 'it is nested too deeply';
    const where = mark ? ` at line ${mark.line + 1}, column ${mark.column + 1}` : '';
    throw new CronmeshError('MalformedBody', `the body is not YAML: ${reason}${where}`, { cause: error });
  }
}
