import { z } from 'zod';

/** What a schema refuses at a field, and what its refusal is to say: a row must show it. */
export interface Demand {
  /** With `[]` for an item of a list and `.*` for an entry of a mapping: `spec.executor.shell.env.*`. */
  readonly field: string;
  readonly what: string;
  readonly message: RegExp;
}

/** Everything that a schema refuses: a type, each check and each rule of every field, and unknown fields. */
export function demandsOf(schema: z.ZodType, field = ''): Demand[] {
  const { inner, needed } = unwrap(schema);
  const absent = needed && !/(^|\]|\*)$/.test(field) ? [{ field, what: 'left out', message: /^is needed: / }] : [];
  return [...absent, ...typeDemands(inner, field), ...checkDemands(inner, field), ...demandsBelow(inner, field)];
}

function demandsBelow(schema: z.ZodType, field: string): Demand[] {
  const at = (part: string): string => (field === '' ? part : `${field}.${part}`);
  if (schema instanceof z.ZodObject) {
    const shape: Record<string, z.ZodType> = schema.shape;
    const strict = schema.def.catchall instanceof z.ZodNever;
    const unknown = {
      field: at('?'),
      what: 'an unknown field, with a suggestion',
      message: /^is not a known field; did you mean /,
    };
    return [...(strict ? [unknown] : []), ...Object.entries(shape).flatMap(([name, one]) => demandsOf(one, at(name)))];
  }
  if (schema instanceof z.ZodArray) return demandsOf(schema.element as z.ZodType, `${field}[]`);
  if (schema instanceof z.ZodUnion) {
    return (schema.options as z.ZodType[]).flatMap(option => [
      ...checkDemands(option, field),
      ...demandsBelow(option, field),
    ]);
  }
  if (schema instanceof z.ZodRecord) {
    const names = checkDemands(schema.keyType as z.ZodType, at('*')).map(one => ({
      ...one,
      what: `its name: ${one.what}`,
      message: new RegExp(one.message.source.replace(/^\^/, '^the name ')),
    }));
    return [...names, ...demandsOf(schema.valueType as z.ZodType, at('*'))];
  }
  return [];
}

function typeDemands(schema: z.ZodType, field: string): Demand[] {
  if (schema instanceof z.ZodUnknown || field === '') return [];
  if (schema instanceof z.ZodEnum) return [{ field, what: 'another word', message: /^must be one of / }];
  if (schema instanceof z.ZodLiteral) return [{ field, what: 'another word', message: /^must be "/ }];
  const messages: readonly [abstract new (...args: never[]) => z.ZodType, RegExp][] = [
    [z.ZodNumber, /^must be a number$/],
    [z.ZodString, /^must be a string/],
    [z.ZodURL, /^must be a string/],
    [z.ZodBoolean, /^must be true or false$/],
    [z.ZodArray, /^must be a list$/],
    [z.ZodObject, /^must be a mapping$/],
    [z.ZodRecord, /^must be a mapping$/],
    [z.ZodUnion, /^must be .* or /],
  ];
  const message = messages.find(([type]) => schema instanceof type)?.[1];
  if (message === undefined) throw new Error(`${field}: what does a ${schema.def.type} refuse? Say it here.`);
  return [{ field, what: 'another type', message }];
}

function checkDemands(schema: z.ZodType, field: string): Demand[] {
  const checks = [...(schema.def.checks ?? [])].map(check => check._zod.def);
  // A URL, and a rule given to refine, carry their own check.
  const own = schema.def as unknown as { readonly check?: string };
  return [...checks, ...(own.check === undefined ? [] : [own])].map(check => checkDemand(check as Check, field));
}

interface Check {
  readonly check: string;
  readonly value?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly format?: string;
  readonly path?: readonly string[];
  readonly error?: (issue: object) => string | { readonly message: string };
}

function checkDemand(check: Check, field: string): Demand {
  const text = check.error?.({});
  const own = typeof text === 'string' ? text : text?.message;
  const exactly = (words: string): RegExp => new RegExp(`^${words.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}$`);
  switch (check.check) {
    case 'greater_than':
      return { field, what: 'too small', message: exactly(`must be at least ${check.value}`) };
    case 'less_than':
      return { field, what: 'too large', message: exactly(`must be at most ${check.value}`) };
    case 'number_format':
      return { field, what: 'a fraction', message: /^must be a whole number/ };
    case 'min_length':
      return { field, what: 'too short', message: /^must not be empty$|^must have at least / };
    case 'max_length':
      return { field, what: 'too long', message: new RegExp(`^must have at most ${check.maximum} `) };
  }
  if (own === undefined) throw new Error(`${field}: a check ${check.check} without a message of its own`);
  return { field: [field, ...(check.path ?? [])].join('.'), what: `the rule "${own}"`, message: exactly(own) };
}

function unwrap(schema: z.ZodType): { readonly inner: z.ZodType; readonly needed: boolean } {
  let [inner, needed] = [schema, true];
  while (inner instanceof z.ZodOptional || inner instanceof z.ZodDefault || inner instanceof z.ZodPrefault) {
    [inner, needed] = [inner.unwrap() as z.ZodType, false];
  }
  return { inner, needed };
}
