import { z } from 'zod';
import type { Refinement, Schema } from './schema.ts';

/** zod's JSON Schema of what users write, with its refinements beside it, since JSON Schema has no place for them. */
export function annotatedSchema(schema: z.ZodType): Schema {
  const json = z.toJSONSchema(schema, {
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      const { def } = zodSchema._zod;
      const found = (def.checks ?? []).flatMap(refinementOf);
      // Its format would be the API server's notion of a URI, which refuses some that are accepted here, and the reverse.
      if (isUrl(def)) {
        delete jsonSchema.format;
        found.push({ message: messageOf(def) });
      }
      if (found.length > 0) (jsonSchema as Schema)['x-cronmesh-refinements'] = found;
      if (def.type === 'record') nameKeys(def.keyType, jsonSchema as Schema);
    },
  });
  return json as Schema;
}

/** The names of a record: the pattern is there already, what to say is added. */
function nameKeys(key: z.core.$ZodType, json: Schema): void {
  const check = key._zod.def.checks?.find(one => one._zod.def.check === 'string_format');
  if (check === undefined || json.propertyNames === undefined) return;
  json.propertyNames = { ...json.propertyNames, description: `the name ${messageOf(check._zod.def)}` };
}

function refinementOf(check: z.core.$ZodCheck): Refinement[] {
  const { def } = check._zod;
  if (def.check !== 'custom') return [];
  const { path } = def as z.core.$ZodCustomDef;
  return [{ message: messageOf(def), ...(path !== undefined && { path }) }];
}

function isUrl(def: z.core.$ZodTypeDef): boolean {
  return (def as Partial<z.core.$ZodStringFormatDef>).format === 'url';
}

function messageOf(def: object): string {
  const { error } = def as { readonly error?: (issue: object) => unknown };
  const message = error?.({});
  if (typeof message !== 'string') {
    throw new Error('a check of the zod schema has no message of its own: give it one, the custom resource shows it');
  }
  return message;
}
