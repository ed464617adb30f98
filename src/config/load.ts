import { readFileSync } from 'node:fs';
import { load as parseYaml } from 'js-yaml';
import type { z } from 'zod';
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
};

const secret = /(^|\.)(token|password|url)$/;

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
  const issue = result.error.issues[0];
  const path = issue?.path.join('.') ?? '';
  const from = origin.get(path) ?? origin.get(path.split('.').slice(0, 2).join('.')) ?? options.file ?? 'defaults';
  const value = secret.test(path) ? '' : `, got ${JSON.stringify(getPath(tree, path))}`;
  throw new ConfigError(
    `configuration: ${path || 'the file'} (from ${from}): ${issue?.message ?? 'is invalid'}${value}`,
  );
}

function readFile(file: string): Tree {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`configuration: cannot read ${file}: ${(error as Error).message}`);
  }
  let value: unknown;
  try {
    value = parseYaml(text) ?? {};
  } catch (error) {
    throw new ConfigError(`configuration: ${file} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`configuration: ${file} must hold a mapping of settings`);
  }
  return value as Tree;
}

/** The two levels of settings, from the schema itself. */
function settingsOf(schema: ReturnType<typeof configSchema>): Shape[] {
  return Object.entries(schema.shape).flatMap(([section, group]) =>
    Object.keys((group.def.innerType as z.ZodObject).shape).map(name => {
      const path = `${section}.${name}`;
      return { path, environment: environmentName(path) };
    }),
  );
}

/** `worker.allowPrivateAddresses` → `CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES`. */
export function environmentName(path: string): string {
  return `CRONMESH_${path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

/** Variables of the environment that begin with CRONMESH_ but are no setting: misspelt ones must not pass in silence. */
function refuseUnknown(environment: Readonly<Record<string, string | undefined>>, settings: readonly Shape[]): void {
  const known = new Set(settings.map(setting => setting.environment));
  const sections = new Set(settings.map(setting => setting.environment.split('_')[1]));
  for (const name of Object.keys(environment)) {
    if (!name.startsWith('CRONMESH_') || known.has(name) || !sections.has(name.split('_')[1])) continue;
    // A job's own environment, should a program be started by one.
    if (name === 'CRONMESH_WORKER') continue;
    throw new ConfigError(
      `configuration: ${name} is no setting; those of its section are ${[...known]
        .filter(one => one.split('_')[1] === name.split('_')[1])
        .join(', ')}`,
    );
  }
}

function setPath(tree: Tree, path: string, value: unknown): void {
  const [section = '', name = ''] = path.split('.');
  const group = tree[section];
  tree[section] = { ...(typeof group === 'object' && group !== null ? group : {}), [name]: value };
}

function getPath(tree: Tree, path: string): unknown {
  return path.split('.').reduce<unknown>((at, key) => (at as Tree | undefined)?.[key], tree);
}
