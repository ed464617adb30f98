import { readdirSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { packageScheme } from './resolve.ts';

/** One thing to import, and how people know it. */
export interface Source {
  readonly url: string;
  /** As configured, with the file's name where a folder was. */
  readonly name: string;
  /** It was named itself, and must define something; a folder may hold helpers. */
  readonly named: boolean;
}

const code = /\.[cm]?[jt]s$/;
const noModule = /\.d\.[cm]?ts$|\.test\.|^\./;

/** What a setting names: a file, the files of a folder, or a package. @throws Error that says what is wrong */
export function sourcesNamed(specifier: string, base: string): readonly Source[] {
  const path = resolve(base, specifier);
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) {
    const files = readdirSync(path).filter(file => code.test(file) && !noModule.test(file));
    if (files.length === 0) throw new Error(`the folder ${path} holds no module (.js, .mjs, .cjs, .ts, .mts or .cts)`);
    return files.sort().map(file => {
      const url = pathToFileURL(resolve(path, file)).href;
      return { url, name: `${specifier.replace(/\/$/, '')}/${file}`, named: false };
    });
  }
  if (stat) return [{ url: pathToFileURL(path).href, name: specifier, named: true }];
  if (/^[./]/.test(specifier)) throw new Error(`there is no file or folder ${path}`);
  return [{ url: packageScheme + specifier, name: specifier, named: true }];
}
