import { celPattern, withoutEscapedSlashes } from './cel.ts';
import { refinementsLeft, rules } from './rules.ts';
import type { Refinement, Schema, Validation } from './schema.ts';

/** What stands in a structural schema as zod wrote it, in the order in which it is written. */
const kept = [
  'description',
  'type',
  'required',
  'default',
  'enum',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
  'minItems',
  'maxItems',
  'minProperties',
  'maxProperties',
  'x-kubernetes-list-type',
  'x-kubernetes-list-map-keys',
] as const satisfies readonly (keyof Schema)[];
/** What is turned into something else. */
const converted: readonly string[] = [
  '$schema',
  'format',
  'pattern',
  'const',
  'properties',
  'additionalProperties',
  'propertyNames',
  'items',
  'anyOf',
  'x-cronmesh-refinements',
];

/**
 * Makes of zod's JSON Schema what a CustomResourceDefinition may hold, a structural schema: one type for each node,
 * unknown fields by `x-kubernetes-preserve-unknown-fields`, and refinements as rules.
 *
 * @throws Error for a keyword or a refinement that it has no form for, with the path of the schema
 */
export function structural(schema: Schema, path = '(root)'): Schema {
  const strange = Object.keys(schema).filter(keyword => ![...kept, ...converted].includes(keyword));
  if (strange.length > 0) throw new Error(`${path}: no structural form for ${strange.join(', ')}`);
  // zod's short form of a union without bounds.
  if (Array.isArray(schema.type)) throw new Error(`${path}: no structural form for a union of ${schema.type}`);
  const whole: Schema = {
    ...Object.fromEntries(kept.filter(keyword => keyword in schema).map(keyword => [keyword, schema[keyword]])),
    ...scalarOf(schema),
    ...(isAny(schema) && { 'x-kubernetes-preserve-unknown-fields': true }),
    ...(schema.anyOf !== undefined && union(schema.anyOf, path)),
    ...(schema.items !== undefined && { items: structural(schema.items, `${path}[]`) }),
    ...objectOf(schema, path),
  };
  return withRules(whole, schema, path);
}

/** Any JSON at all: the API server would take a node without a type, and drop what is in it. */
function isAny({ type, anyOf, const: only, enum: values }: Schema): boolean {
  return type === undefined && anyOf === undefined && only === undefined && values === undefined;
}

function scalarOf({ const: only, format, pattern }: Schema): Schema {
  return {
    ...(only !== undefined && { enum: [only] }),
    // The other formats of zod are not the API server's; the pattern beside a time says no more than its format does.
    ...(format === 'date-time' && { format }),
    ...(pattern !== undefined && format !== 'date-time' && { pattern: withoutEscapedSlashes(pattern) }),
  };
}

function objectOf({ properties, additionalProperties }: Schema, path: string): Schema {
  const open = typeof additionalProperties === 'object' && Object.keys(additionalProperties).length === 0;
  const typed = typeof additionalProperties === 'object' && !open;
  return {
    ...(properties !== undefined && {
      properties: Object.fromEntries(
        Object.entries(properties).map(([name, inner]) => [name, structural(inner, `${path}.${name}`)]),
      ),
    }),
    ...(open && { 'x-kubernetes-preserve-unknown-fields': true }),
    ...(typed && { additionalProperties: structural(additionalProperties, `${path}.*`) }),
  };
}

/**
 * A structural schema has no unions of types but one, integer or string. A string or a list is left untyped: keywords
 * such as `minLength` and `minItems` still hold for the values that they are about, and the rest is the operator's.
 */
function union(branches: readonly Schema[], path: string): Schema {
  const types = branches.map(branch => branch.type).join();
  const values = branches.map(branch => structural(branch, path));
  const merged = Object.assign({}, ...values) as Schema;
  delete merged.type;
  delete merged.items;
  if (types === 'integer,string') return { 'x-kubernetes-int-or-string': true, ...merged };
  if (types === 'string,array') return { 'x-kubernetes-preserve-unknown-fields': true, ...merged };
  throw new Error(`${path}: no structural form for a union of ${types}`);
}

function withRules(whole: Schema, { propertyNames, ...schema }: Schema, path: string): Schema {
  const refinements = schema['x-cronmesh-refinements'] ?? [];
  const found = refinements.map(refinement => ruleFor(refinement, path));
  const validations = [
    ...boundRules(schema),
    ...nameRules(propertyNames, path),
    ...found.flatMap(one => one.validation),
  ];
  return {
    ...whole,
    ...Object.assign({}, ...found.map(one => one.keywords)),
    ...(validations.length > 0 && { 'x-kubernetes-validations': validations }),
  };
}

/** Seen: for a value without a fraction the API server cuts the bound's own off, so that 0 is not below 0.001. */
function boundRules({ minimum, maximum }: Schema): readonly Validation[] {
  const bounds = [
    { operator: '>=', words: 'at least', bound: minimum },
    { operator: '<=', words: 'at most', bound: maximum },
  ] as const;
  return bounds.flatMap(({ operator, words, bound }) =>
    bound === undefined || Number.isInteger(bound)
      ? []
      : [{ rule: `self ${operator} ${bound}`, message: `must be ${words} ${bound}` }],
  );
}

/** CEL is shown the names of a map; the schema has no place for them. */
function nameRules(names: Schema | undefined, path: string): readonly Validation[] {
  if (names?.pattern === undefined) return [];
  if (names.description === undefined) throw new Error(`${path}: its names have a pattern and no message`);
  return [{ rule: `self.all(name, name.matches(${celPattern(names.pattern)}))`, message: names.description }];
}

function ruleFor({ message, path: about }: Refinement, path: string): { validation: Validation[]; keywords: Schema } {
  const known = rules[message];
  if (known === undefined) {
    if (message in refinementsLeft) return { validation: [], keywords: {} };
    throw new Error(
      `${path}: the refinement "${message}" has no rule for the API server: give it one in scripts/crd/rules.ts, or say in refinementsLeft why not`,
    );
  }
  if ('keywords' in known) return { validation: [], keywords: known.keywords };
  const fieldPath = about?.map(part => `.${String(part)}`).join('');
  return {
    validation: [{ rule: known.rule, message, ...(fieldPath !== undefined && { fieldPath }) }],
    keywords: {},
  };
}
