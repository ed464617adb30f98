import type { z as zod } from 'zod';
import type { AnySchema } from '../../jobs/definition.ts';

/** A schema that is larger is left to the run. */
const mostBytes = 64 * 1024;

/**
 * What masters check inputs by before a run, never more strictly than the run: what a schema does to an input by code
 * (transforms, coercion, refinements) is left out. Undefined for what is no schema of zod 4, or too large.
 */
export async function schemaOf(schema: AnySchema | undefined): Promise<Record<string, unknown> | undefined> {
  if (schema === undefined) return undefined;
  const { z } = await import('zod');
  try {
    const made: Record<string, unknown> = z.toJSONSchema(schema, {
      io: 'input',
      unrepresentable: 'any',
      override: ({ zodSchema, jsonSchema }) => {
        const { def } = zodSchema._zod;
        if (takesAnything(zodSchema)) {
          for (const keyword of Object.keys(jsonSchema)) delete jsonSchema[keyword];
        } else if (def.type === 'object') {
          const { shape } = def;
          const required = jsonSchema.required?.filter(name => shape[name] && !takesAnything(shape[name]));
          if (required) jsonSchema.required = required;
        }
      },
    });
    return Buffer.byteLength(JSON.stringify(made)) > mostBytes ? undefined : made;
  } catch {
    return undefined;
  }
}

/** Its code sees the input first. */
function takesAnything(schema: AnySchema): boolean {
  const { def } = schema._zod as zod.core.$ZodTypes['_zod'];
  if (def.type === 'catch') return true;
  if (def.type === 'pipe') return def.in._zod.def.type === 'transform';
  return 'coerce' in def && def.coerce === true;
}
