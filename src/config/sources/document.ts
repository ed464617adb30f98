import { loadAll } from 'js-yaml';
import { ConfigError } from '../error.ts';
import type { Layer } from '../layers.ts';
import type { Tree } from '../tree.ts';

/**
 * A YAML document of settings.
 *
 * @throws ConfigError when it is no YAML, or no mapping; `name` says whose
 */
export function documentLayer(kind: Layer['kind'], name: string, text: string): Layer {
  return { kind, tree: parse(name, text), origin: () => name, document: true };
}

function parse(name: string, text: string): Tree {
  let documents: unknown[];
  try {
    documents = loadAll(text);
  } catch (error) {
    throw new ConfigError(`configuration: ${name} is not YAML: ${(error as Error).message.split('\n')[0]}`);
  }
  const [value] = documents;
  // One of comments alone sets nothing, and so does a section with nothing below its name.
  if (documents.length === 0 || (documents.length === 1 && value === null)) return {};
  if (documents.length > 1 || typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigError(`configuration: ${name} must hold a mapping of settings`);
  }
  return Object.fromEntries(Object.entries(value).filter(([, section]) => section !== null));
}
