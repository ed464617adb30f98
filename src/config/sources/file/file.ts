import { readFileSync } from 'node:fs';
import { ConfigError } from '../../error.ts';
import type { Layer } from '../../layers.ts';
import { documentLayer } from '../document.ts';

/** @throws ConfigError when it cannot be read, or is no YAML mapping */
export function fileLayer(file: string): Layer {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new ConfigError(`configuration: cannot read ${file}: ${(error as Error).message}`);
  }
  return documentLayer('file', file, text);
}
