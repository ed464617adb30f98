import type { Definition } from './definition.ts';
import type { Schema } from './schema.ts';

/** JSON Schema for tools that check manifests without an API server (kubeconform, editors). Rules in CEL are not in it. */
export interface ManifestSchema extends Omit<Schema, 'type'> {
  $schema?: string;
  type?: string;
}

/**
 * The schema of one version of a custom resource as JSON Schema. Unknown fields are errors in it, as they are for
 * `kubectl apply`.
 *
 * @param version the index in `spec.versions`
 */
export function manifestSchema(definition: Definition, version = 0): ManifestSchema {
  const { group, names, versions } = definition.spec;
  const found = versions[version];
  if (found === undefined) throw new Error(`${definition.metadata.name} has no version of index ${version}`);
  const root = closed(found.schema.openAPIV3Schema);
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    ...root,
    required: ['apiVersion', 'kind', 'metadata', ...(root.required ?? [])],
    properties: {
      ...root.properties,
      apiVersion: { type: 'string', enum: [`${group}/${found.name}`] },
      kind: { type: 'string', enum: [names.kind] },
      metadata: { type: 'object', required: ['name'] },
    },
  };
}

/** The name that kubeconform asks for with `-schema-location 'FOLDER/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json'`. */
export function manifestSchemaFile(definition: Definition, version = 0): string {
  const { names, versions } = definition.spec;
  return `${names.kind.toLowerCase()}_${versions[version]?.name}.json`;
}

function closed(schema: Schema): Schema {
  const json = withoutExtensions(schema);
  if (schema['x-kubernetes-int-or-string'] === true) {
    const { minimum, maximum, pattern, ...rest } = json;
    return {
      ...rest,
      oneOf: [
        { type: 'integer', ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) },
        { type: 'string', ...(pattern !== undefined && { pattern }) },
      ],
    };
  }
  const { properties, items, additionalProperties } = json;
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  return {
    ...json,
    ...(properties !== undefined && {
      properties: Object.fromEntries(Object.entries(properties).map(([name, inner]) => [name, closed(inner)])),
      ...(!open && { additionalProperties: false }),
    }),
    ...(items !== undefined && { items: closed(items) }),
    ...(typeof additionalProperties === 'object' && { additionalProperties: closed(additionalProperties) }),
  };
}

function withoutExtensions(schema: Schema): Schema {
  return Object.fromEntries(Object.entries(schema).filter(([keyword]) => !keyword.startsWith('x-')));
}
