// Generates the custom resource's definition from the zod schemas of the job: deploy/crds/cronjobs.cronmesh.io.yaml.
//   npm run generate:crd                             writes it
//   npm run generate:crd -- --json-schema FOLDER     writes FOLDER/cronjob_v1alpha1.json, for kubeconform and editors
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { customResourceDefinition } from './crd/definition.ts';
import { manifestSchema, manifestSchemaFile } from './crd/manifest-schema.ts';
import { definitionText } from './crd/text.ts';

const { values } = parseArgs({ options: { 'json-schema': { type: 'string' } } });
const definition = customResourceDefinition();
const folder = values['json-schema'];
if (folder === undefined) {
  writeFileSync(
    fileURLToPath(new URL('../deploy/crds/cronjobs.cronmesh.io.yaml', import.meta.url)),
    definitionText(definition),
  );
} else {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, manifestSchemaFile(definition));
  writeFileSync(file, `${JSON.stringify(manifestSchema(definition), undefined, 2)}\n`);
}
