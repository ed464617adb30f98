import { z } from 'zod';

/** A field of a schema, and what it is when it is left out. */
export interface SchemaField {
  readonly path: string;
  /** JSON of the default, `needed` where it must be given, `none` where nothing takes its place. */
  readonly fallback: string;
}

/** Every field of a schema, those of nested objects and of lists' items too; `opaque` ones are not looked into. */
export function fieldsOf(schema: z.ZodType, opaque: readonly string[] = [], prefix = ''): SchemaField[] {
  const { inner } = unwrap(schema);
  if (!(inner instanceof z.ZodObject)) return [];
  return Object.entries(inner.shape as Record<string, z.ZodType>).flatMap(([name, field]) => {
    const path = prefix === '' ? name : `${prefix}.${name}`;
    const { inner: value, fallback } = unwrap(field);
    const own = { path, fallback };
    if (opaque.includes(path)) return [own];
    if (value instanceof z.ZodObject) {
      const below = fieldsOf(value, opaque, path);
      // An object whose fields have defaults of their own is told by them.
      return fallback === 'none' || fallback === 'needed' ? [own, ...below] : below;
    }
    if (value instanceof z.ZodArray) return [own, ...fieldsOf(value.element as z.ZodType, opaque, `${path}[]`)];
    if (value instanceof z.ZodRecord) return [own, ...fieldsOf(value.valueType as z.ZodType, opaque, `${path}.*`)];
    return [own];
  });
}

function unwrap(schema: z.ZodType): { readonly inner: unknown; readonly fallback: string } {
  let inner: unknown = schema;
  let fallback = 'needed';
  for (;;) {
    if (inner instanceof z.ZodOptional) fallback = 'none';
    else if (inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
      fallback = JSON.stringify(inner.def.defaultValue);
    } else if (inner instanceof z.ZodPipe) {
      // A transform before a schema, or after one.
      inner = inner.def.in instanceof z.ZodTransform ? inner.def.out : inner.def.in;
      continue;
    } else return { inner, fallback };
    inner = inner.unwrap();
  }
}
