import { type Definition, definitionOf, type Kind } from '../../jobs/definition.ts';
import type { CatalogEntry, ModuleCatalog } from './catalog.ts';
import { schemaOf } from './json-schema.ts';
import { sourcesNamed } from './sources.ts';

/** The definitions among a module's exports. */
export function definitionsIn(exports: Readonly<Record<string, unknown>>): readonly Definition[] {
  return [...new Set(Object.values(exports).map(definitionOf))].filter(one => one !== undefined);
}

/** Loads modules and tells what they define. @throws Error with one line that names the module */
export async function listModules(specifiers: readonly string[], base: string): Promise<ModuleCatalog> {
  const found = new Map<string, { readonly definition: Definition; readonly entry: CatalogEntry; from: string }>();
  for (const specifier of specifiers) {
    for (const source of await about(specifier, () => sourcesNamed(specifier, base))) {
      const exports = await about(source.name, () => import(source.url) as Promise<Record<string, unknown>>);
      const definitions = definitionsIn(exports);
      if (definitions.length === 0 && source.named) throw new Error(`${source.name} exports no job and no executor`);
      for (const definition of definitions) {
        const key = `${definition.kind} ${definition.name}`;
        const other = found.get(key);
        // One that is exported again by a second module.
        if (other?.definition === definition) continue;
        if (other) throw new Error(`${source.name}: the ${key} is there twice; ${other.from} defines it too`);
        const schema = await schemaOf(definition.schema);
        const { name, description } = definition;
        const entry = {
          name,
          ...(description !== undefined && { description: description.slice(0, 500) }),
          ...(schema !== undefined && { schema }),
          source: source.url,
        };
        found.set(key, { definition, entry, from: source.name });
      }
    }
  }
  const all = [...found.values()].sort((a, b) => (a.entry.name < b.entry.name ? -1 : 1));
  const of = (kind: Kind) => all.filter(one => one.definition.kind === kind).map(one => one.entry);
  return { jobs: of('job'), executors: of('executor') };
}

async function about<T>(name: string, act: () => T | Promise<T>): Promise<T> {
  try {
    return await act();
  } catch (error) {
    const [line] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw new Error(`${name} cannot be loaded: ${line}`, { cause: error });
  }
}
