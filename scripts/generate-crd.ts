// Generates the custom resource's definition from the zod schemas of the job.
//   npm run generate:crd                             writes it to deploy/crds, and into the chart
//   npm run generate:crd -- --json-schema FOLDER     writes FOLDER/cronjob_v1alpha1.json, for kubeconform and editors
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { customResourceDefinition } from './crd/definition.ts';
import { manifestSchema, manifestSchemaFile } from './crd/manifest-schema.ts';
import { definitionFiles, definitionText } from './crd/text.ts';

const { values } = parseArgs({ options: { 'json-schema': { type: 'string' } } });
const definition = customResourceDefinition();
const folder = values['json-schema'];
if (folder === undefined) {
  for (const file of definitionFiles()) writeFileSync(file, definitionText(definition));
} else {
  mkdirSync(folder, { recursive: true });
  const file = join(folder, manifestSchemaFile(definition));
  writeFileSync(file, `${JSON.stringify(manifestSchema(definition), undefined, 2)}\n`);
}
