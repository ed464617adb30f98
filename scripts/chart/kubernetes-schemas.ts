/** JSON Schema, as far as it is looked at here. */
export interface Schema {
  readonly [keyword: string]: unknown;
}

/** Schemas of some kinds of Kubernetes, of one version of it. */
export interface KubernetesSchemas {
  /** Such as v1.35.4. */
  readonly version: string;
  /** File name for kubeconform (`deployment-apps-v1`) → name of its definition. */
  readonly kinds: Readonly<Record<string, string>>;
  readonly definitions: Readonly<Record<string, Schema>>;
}

interface OpenApi {
  readonly info: { readonly version: string };
  readonly definitions: Readonly<Record<string, Schema>>;
}

const reference = '#/definitions/';

/**
 * Strict schemas of `kinds` (`apps/v1/Deployment`, `v1/Service`) with all that they refer to, from an API server's
 * `/openapi/v2`: without descriptions, with unknown fields refused, and with Kubernetes' own ideas of numbers.
 *
 * @throws Error for a kind that the API server does not have
 */
export function kubernetesSchemas(openApi: OpenApi, kinds: readonly string[]): KubernetesSchemas {
  const found: Record<string, string> = {};
  const definitions: Record<string, Schema> = {};
  const wanted: string[] = [];
  for (const kind of kinds) {
    const [name = '', version = '', group = ''] = kind.split('/').reverse();
    const definition = Object.keys(openApi.definitions).find(one =>
      isOf(openApi.definitions[one], group, version, name),
    );
    if (definition === undefined) throw new Error(`the API server has no ${kind}`);
    found[fileName(group, version, name)] = definition;
    wanted.push(definition);
  }
  for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
    if (definitions[name] !== undefined) continue;
    const schema = strict(openApi.definitions[name] ?? {}, name, other => wanted.push(other)) as Schema;
    definitions[name] = schema;
  }
  const sorted = Object.fromEntries(Object.entries(definitions).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { version: openApi.info.version, kinds: found, definitions: sorted };
}

/** What kubeconform calls the file of a kind: `{{.ResourceKind}}{{.KindSuffix}}`. */
function fileName(group: string, version: string, kind: string): string {
  return [kind.toLowerCase(), group.split('.')[0], version].filter(Boolean).join('-');
}

function isOf(schema: Schema | undefined, group: string, version: string, kind: string): boolean {
  const names = (schema?.['x-kubernetes-group-version-kind'] ?? []) as readonly Record<string, string>[];
  return names.length === 1 && names.some(one => one.group === group && one.version === version && one.kind === kind);
}

function strict(schema: unknown, name: string, refers: (definition: string) => void): unknown {
  if (Array.isArray(schema)) return schema.map(one => strict(one, name, refers));
  if (typeof schema !== 'object' || schema === null) return schema;
  const from = schema as Schema;
  if (from.format === 'int-or-string') return { type: ['string', 'integer'] };
  // The API server takes 1 for "1".
  if (name.endsWith('.api.resource.Quantity')) return { type: ['string', 'number'] };
  if (typeof from.$ref === 'string') {
    refers(from.$ref.slice(reference.length));
    return { $ref: from.$ref };
  }
  const to: Record<string, unknown> = {};
  for (const [keyword, value] of Object.entries(from)) {
    if (keyword === 'description' || keyword === 'format' || keyword === 'default' || keyword.startsWith('x-'))
      continue;
    to[keyword] = keyword === 'properties' ? properties(value as Schema, refers) : strict(value, '', refers);
  }
  const open = from['x-kubernetes-preserve-unknown-fields'] === true || from.additionalProperties !== undefined;
  return from.properties === undefined || open ? to : { ...to, additionalProperties: false };
}

/** Names of properties are no keywords: there is one called `default`. */
function properties(schemas: Schema, refers: (definition: string) => void): Schema {
  return Object.fromEntries(Object.entries(schemas).map(([name, schema]) => [name, strict(schema, '', refers)]));
}
