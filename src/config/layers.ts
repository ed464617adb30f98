import { z } from 'zod';
import { valueAt } from '../domain/job/path.ts';
import { preview } from '../domain/job/preview.ts';
import { problemsOf } from '../domain/job/problems.ts';
import { ConfigError } from './error.ts';
import { type Config, configSchema, type Role } from './schema.ts';
import { type Setting, settingsOf } from './settings.ts';
import { setPath, type Tree } from './tree.ts';

/** Where settings come from, weakest first; defaults are weaker than all. */
export const layerKinds = ['file', 'consul', 'nacos', 'environment', 'flags'] as const;

/** What one source sets. */
export interface Layer {
  readonly kind: (typeof layerKinds)[number];
  /** As it was written there: not checked yet. */
  readonly tree: Tree;
  /** Where a setting stands, for people: a file's name, a variable's. */
  readonly origin: (path: string) => string;
  /** It is a document, which must be right by itself, not only in what the stronger layers leave of it. */
  readonly document: boolean;
}

export interface Evaluated {
  readonly config: Config;
  /** Of each setting that some layer sets: where it stands. What is absent has its default. */
  readonly origins: ReadonlyMap<string, string>;
}

/**
 * The configuration that layers make together: of each setting the strongest counts, as a whole.
 *
 * @throws ConfigError for the first thing that is wrong
 */
export function evaluate(role: Role, layers: readonly Layer[]): Evaluated {
  const schema = configSchema(role);
  const settings = settingsOf(role);
  const ordered = layers.toSorted((a, b) => layerKinds.indexOf(a.kind) - layerKinds.indexOf(b.kind));
  for (const layer of ordered.filter(one => one.document)) check(schema, settings, [layer]);
  const { tree, origins } = merge(schema, ordered);
  const result = schema.safeParse(tree);
  if (result.success) return { config: result.data, origins };
  throw explained(result.error, { schema, settings, tree, origins, among: () => true }) ?? invalid(result.error);
}

interface Context {
  readonly schema: ReturnType<typeof configSchema>;
  readonly settings: readonly Setting[];
  readonly tree: Tree;
  readonly origins: ReadonlyMap<string, string>;
  /** Which settings' problems count. */
  readonly among: (setting: string) => boolean;
}

/** What a document says must be right; what it leaves to others is looked at in the whole. */
function check(schema: Context['schema'], settings: readonly Setting[], layers: readonly Layer[]): void {
  const { tree, origins } = merge(schema, layers);
  const result = schema.safeParse(tree);
  if (result.success) return;
  const given = [...origins.keys()];
  const among = (setting: string) => given.some(path => `${setting}.`.startsWith(`${path}.`));
  const error = explained(result.error, { schema, settings, tree, origins, among });
  if (error !== undefined) throw error;
}

function merge(schema: z.ZodObject, layers: readonly Layer[]): { tree: Tree; origins: Map<string, string> } {
  const tree: Tree = {};
  const origins = new Map<string, string>();
  const add = (section: z.ZodObject, part: Tree, above: readonly string[], layer: Layer): void => {
    for (const [name, value] of Object.entries(part)) {
      const inner = section.shape[name];
      const group = inner instanceof z.ZodPrefault ? inner.unwrap() : inner;
      const path = [...above, name];
      if (group instanceof z.ZodObject && typeof value === 'object' && value !== null && !Array.isArray(value)) {
        add(group, value as Tree, path, layer);
        continue;
      }
      setPath(tree, path, value);
      origins.set(path.join('.'), layer.origin(path.join('.')));
    }
  };
  for (const layer of layers) add(schema, layer.tree, [], layer);
  return { tree, origins };
}

/** The first problem in one line. */
function explained(error: z.core.$ZodError, context: Context): ConfigError | undefined {
  const { schema, settings, tree, origins, among } = context;
  for (const { field, message, value } of problemsOf(error, tree, schema)) {
    const path = field === '' ? '(document)' : field;
    const setting = settings.find(one => `${path}.`.replaceAll('[', '.').startsWith(`${one.path}.`));
    const name = setting?.path ?? path;
    if (!among(name)) continue;
    // Of a list in the environment the whole text is shown, as it was written there.
    const given = value ?? (origins.has(name) ? preview(valueAt(tree, name.split('.'))) : undefined);
    const shown = given === undefined || mayBeSecret(name, settings) ? '' : ` (got ${given})`;
    return new ConfigError(`configuration: ${path} (from ${originOf(name, origins)}): ${message}${shown}`);
  }
  return undefined;
}

/** A setting that is one, a section that has one, or a name that is misspelled in such a section. */
function mayBeSecret(path: string, settings: readonly Setting[]): boolean {
  const isSecret = (one: Setting): boolean => one.secret || one.path.startsWith('notifications.');
  const known = settings.find(one => one.path === path);
  if (known !== undefined) return isSecret(known);
  const section = settings.some(one => one.path.startsWith(`${path}.`)) ? path : path.split('.').slice(0, -1).join('.');
  return settings.some(one => one.path.startsWith(section === '' ? '' : `${section}.`) && isSecret(one));
}

/** Where it stands, or what is around it: something missing stands nowhere. */
function originOf(path: string, origins: ReadonlyMap<string, string>): string {
  for (let above = path; above !== ''; above = above.slice(0, Math.max(0, above.lastIndexOf('.')))) {
    const near = [...origins].find(([other]) => other === above || other.startsWith(`${above}.`));
    if (near !== undefined) return near[1];
  }
  return 'defaults';
}

const invalid = (error: z.core.$ZodError): ConfigError =>
  new ConfigError(`configuration: ${error.issues[0]?.message ?? 'is invalid'}`);
