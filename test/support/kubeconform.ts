import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';
import { foreignKinds } from '../../scripts/chart/kinds.ts';
import type { KubernetesSchemas } from '../../scripts/chart/kubernetes-schemas.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The schemas that are in the repository (npm run generate:kubernetes-schemas). */
export function committedSchemas(): KubernetesSchemas {
  return JSON.parse(readFileSync(join(root, 'helm/schemas/kubernetes.json'), 'utf8'));
}

interface Definition {
  readonly spec: {
    readonly group: string;
    readonly names: { readonly kind: string };
    readonly versions: readonly { readonly name: string; readonly schema: { readonly openAPIV3Schema: object } }[];
  };
}

/** Writes the schemas, and the custom resource's own, as kubeconform looks for them. */
export function writeSchemas(folder: string, schemas: KubernetesSchemas): void {
  writeFileSync(join(folder, 'all.json'), JSON.stringify({ definitions: schemas.definitions }));
  for (const [file, definition] of Object.entries(schemas.kinds)) {
    writeFileSync(join(folder, `${file}.json`), JSON.stringify({ $ref: `all.json#/definitions/${definition}` }));
  }
  const { spec } = load(
    readFileSync(join(root, 'helm/cronmesh/files/crds/cronjobs.cronmesh.io.yaml'), 'utf8'),
  ) as Definition;
  for (const { name, schema } of spec.versions) {
    const file = `${spec.names.kind.toLowerCase()}-${spec.group.split('.')[0]}-${name}.json`;
    writeFileSync(join(folder, file), JSON.stringify(schema.openAPIV3Schema));
  }
}

/** Judges YAML by the schemas of a folder, unknown fields refused. */
export function kubeconform(folder: string, yaml: string): { status: number | null; output: string } {
  const location = join(folder, '{{.ResourceKind}}{{.KindSuffix}}.json');
  const { status, stdout, stderr } = spawnSync(
    'kubeconform',
    ['-strict', '-summary', '-skip', foreignKinds.join(','), '-schema-location', location],
    { input: yaml, encoding: 'utf8' },
  );
  return { status, output: `${stdout}${stderr}` };
}
