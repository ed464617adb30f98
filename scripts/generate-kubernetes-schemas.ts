// Writes helm/schemas/kubernetes.json, by which the chart's tests judge what it renders, from the cluster of KUBECONFIG.
import { execFileSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chartKinds } from './chart/kinds.ts';
import { kubernetesSchemas } from './chart/kubernetes-schemas.ts';

const folder = fileURLToPath(new URL('../helm/schemas', import.meta.url));
const openApi = execFileSync('kubectl', ['get', '--raw', '/openapi/v2'], { maxBuffer: 64 * 1024 * 1024 });
const { version, kinds, definitions } = kubernetesSchemas(JSON.parse(openApi.toString()), chartKinds);
// A line for each definition: what a new version changes is seen in the difference.
const lines = Object.entries(definitions).map(([name, schema]) => `${JSON.stringify(name)}:${JSON.stringify(schema)}`);
mkdirSync(folder, { recursive: true });
writeFileSync(
  `${folder}/kubernetes.json`,
  `{"version":${JSON.stringify(version)},\n"kinds":${JSON.stringify(kinds)},\n"definitions":{\n${lines.join(',\n')}\n}}\n`,
);
