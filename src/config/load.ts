import { readFileSync } from 'node:fs';
import { loadAll } from 'js-yaml';
import { z } from 'zod';
import { nearest } from '../domain/job/nearest.ts';
import { valueAt } from '../domain/job/path.ts';
import { preview } from '../domain/job/preview.ts';
import { problemsOf } from '../domain/job/problems.ts';
import { type Config, configSchema, type Role } from './schema.ts';

/** A configuration that cannot be used: one line that names the setting, where it came from, its value and what is allowed. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Names that other tools use for the same thing; the project's own name is stronger. */
const customary: Readonly<Record<string, string>> = {
  'database.url': 'DATABASE_URL',
  'consul.address': 'CONSUL_HTTP_ADDR',
  'consul.token': 'CONSUL_HTTP_TOKEN',
  'consul.tokenFile': 'CONSUL_HTTP_TOKEN_FILE',
  'consul.tls.caFile': 'CONSUL_CACERT',
  'consul.tls.certFile': 'CONSUL_CLIENT_CERT',
  'consul.tls.keyFile': 'CONSUL_CLIENT_KEY',
  'tracing.endpoint': 'OTEL_EXPORTER_OTLP_ENDPOINT',
};

const secret = /(^|\.)(token|password|url)$|^notifications\./;

type Tree = { [key: string]: unknown };
type Shape = { readonly path: string; readonly environment: string };

/**
 * Reads the configuration of a program: defaults, then the YAML file, then the environment.
 *
 * @throws ConfigError
 * @example loadConfig('master', { file: '/etc/cronmesh.yaml', environment: process.env })
 */
export function loadConfig(
  role: Role,
  options: { file?: string | undefined; environment: Readonly<Record<string, string | undefined>> },
): Config {
  const schema = configSchema(role);
  const settings = settingsOf(schema);
  const tree: Tree = options.file === undefined ? {} : readFile(options.file);
  const origin = new Map<string, string>();

  for (const { path, environment } of settings) {
    const names = [environment, customary[path]].filter(name => name !== undefined);
    const name = names.find(one => options.environment[one] !== undefined && options.environment[one] !== '');
    if (name === undefined) continue;
    setPath(tree, path, options.environment[name]);
    origin.set(path, name);
  }
  refuseUnknown(options.environment, settings);

  const result = schema.safeParse(tree);
  if (result.success) return result.data;
  const [first] = problemsOf(result.error, tree, schema);
  const path = first?.field ?? '(document)';
  const setting = settings.find(one => `${path}.`.replaceAll('[', '.').startsWith(`${one.path}.`))?.path ?? path;
  const from = origin.get(setting) ?? options.file ?? 'defaults';
  // Of a list in the environment the whole text is shown, as it was written there.
  const given = first?.value ?? (origin.has(setting) ? preview(valueAt(tree, setting.split('.'))) : undefined);
  const value = given === undefined || secret.test(setting) ? '' : ` (got ${given})`;
  throw new ConfigError(`configuration: ${path} (from ${from}): ${first?.message ?? 'is invalid'}${value}`);
}

function readFile(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`configuration: cannot read ${file}: ${(error as Error).message}`);
  }
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    throw new ConfigError(`configuration: ${file} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const [value] = documents;
  // A file of comments alone sets nothing, and so does a section with nothing below its name.
  if (documents.length === 0 || (documents.length === 1 && value === null)) return {};
  if (documents.length > 1 || typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`configuration: ${file} must hold a mapping of settings`);
  }
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}

/** The settings, from the schema itself: what is no section of its own. */
function settingsOf(schema: ReturnType<typeof configSchema>): Shape[] {
  return leaves(schema, []).map(path => ({ path, environment: environmentName(path) }));
}

function leaves(section: z.ZodObject, path: readonly string[]): readonly string[] {
  return Object.entries(section.shape).flatMap(([name, inner]) => {
    const group = inner instanceof z.ZodPrefault ? inner.unwrap() : inner;
    return group instanceof z.ZodObject ? leaves(group, [...path, name]) : [[...path, name].join('.')];
  });
}

/** `worker.allowPrivateAddresses` → `CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES`. */
export function environmentName(path: string): string {
  return `CRONMESH_${path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

/** CRONMESH_ variables with another meaning: what commands read, and a run's own environment. */
const others =
  /^CRONMESH_(SERVER|TOKEN|CACERT|NAMESPACE|JOB|TICK|RUN|ATTEMPT|FENCING_TOKEN|WORKER|SHARDS?)$|^CRONMESH_(.+_)?(SERVICE_(HOST|PORT(_.+)?)|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)$/;

/**
 * Variables of the environment that begin with CRONMESH_ but are no setting: misspelt ones must not pass in silence.
 * What Kubernetes sets for each service (`CRONMESH_MASTER_SERVICE_HOST`, `CRONMESH_WORKER_PORT=tcp://…`) is let be, and
 * so is what is meant for jobs.
 */
function refuseUnknown(environment: Readonly<Record<string, string | undefined>>, settings: readonly Shape[]): void {
  const known = settings.map(setting => setting.environment);
  for (const [name, value] of Object.entries(environment)) {
    if (!name.startsWith('CRONMESH_') || known.includes(name) || others.test(name)) continue;
    if (name.endsWith('_PORT') && /^(tcp|udp|sctp):\/\//.test(value ?? '')) continue;
    const section = known.filter(one => one.split('_')[1] === name.split('_')[1]);
    const near = nearest(
      name.slice('CRONMESH_'.length),
      known.map(one => one.slice('CRONMESH_'.length)),
    );
    if (section.length === 0 && near === undefined) continue;
    const help =
      near === undefined ? `those of its section are ${section.join(', ')}` : `did you mean CRONMESH_${near}?`;
    throw new ConfigError(`configuration: ${name} is no setting; ${help}`);
  }
}

function setPath(tree: Tree, path: string, value: unknown): void {
  const sections = path.split('.');
  const name = sections.pop() ?? '';
  let here = tree;
  for (const section of sections) {
    const group = here[section];
    const copy: Tree = { ...(typeof group === 'object' && group !== null ? group : {}) };
    here[section] = copy;
    here = copy;
  }
  here[name] = value;
}
