import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export interface InstalledPackage {
  readonly name: string;
  readonly version: string;
  /** An SPDX expression, or what stands in its place. */
  readonly licence: string;
}

interface Lock {
  readonly packages: Readonly<
    Record<
      string,
      { readonly version?: string; readonly dev?: boolean; readonly devOptional?: boolean; readonly license?: string }
    >
  >;
}

const root = new URL('../../', import.meta.url);

/** What is shipped with the program, by name: of the lock file's packages those that are no tools and are installed here. */
export function readPackages(): readonly InstalledPackage[] {
  const lock = JSON.parse(readFileSync(new URL('package-lock.json', root), 'utf8')) as Lock;
  return Object.entries(lock.packages)
    .filter(([path, { dev, devOptional }]) => path !== '' && dev !== true && devOptional !== true)
    .flatMap(([path, { version = '', license }]) => {
      const file = new URL(`${path}/package.json`, root);
      if (!existsSync(fileURLToPath(file))) return [];
      const own = JSON.parse(readFileSync(file, 'utf8')) as Manifest;
      const name = path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
      return [{ name, version, licence: licenceOf(own) ?? license ?? 'none named' }];
    })
    .sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}

interface Manifest {
  readonly license?: string | { readonly type?: string };
  readonly licenses?: readonly { readonly type?: string }[];
}

function licenceOf({ license, licenses }: Manifest): string | undefined {
  if (typeof license === 'string') return license;
  return license?.type ?? licenses?.map(({ type }) => type).join(' OR ');
}
