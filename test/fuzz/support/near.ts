import fc from 'fast-check';
import { z } from 'zod';

/** Strings that mean something somewhere in a manifest. */
const words = [
  'a',
  'default',
  '@daily',
  '*/5 * * * *',
  '0 0 31 2 *',
  'Europe/Berlin',
  '2026-12-01T00:00:00Z',
  '2026-12-25',
  '08:00',
  'http://a.example/$(CRONMESH_RUN)',
  'https://[::1]:8080/x?y#z',
  '/tmp',
  '^(a+)+$',
  '/status/0',
  '5xx',
  '200-299',
  'zone',
  'example.com/team',
  'PATH',
  'CRONMESH_X',
  'Mon',
  'Always',
  'team/x',
] as const;
const text = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...words) },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  { weight: 1, arbitrary: fc.constantFrom('', '\0', '\ud800', '__proto__', 'a'.repeat(1_100)) },
);
/** JSON has no -0. */
const number = fc
  .oneof(fc.integer({ min: 1, max: 100 }), fc.integer(), fc.double(), fc.constantFrom(0, 1e21, 2 ** 53, 0.5))
  .map(value => value + 0);
const wild = fc.oneof(fc.jsonValue({ maxDepth: 3 }), text, number);

/** Values that a schema mostly allows: some fields are left out, wrong, or of another name. */
export function near(schema: z.ZodType): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 60, arbitrary: likely(schema) }, { weight: 1, arbitrary: wild });
}

function likely(schema: z.ZodType): fc.Arbitrary<unknown> {
  if (
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault ||
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodNullable ||
    schema instanceof z.ZodReadonly
  ) {
    return near(schema.unwrap() as z.ZodType);
  }
  if (schema instanceof z.ZodPipe) return near(schema.in as z.ZodType);
  if (schema instanceof z.ZodObject) return object(schema);
  if (schema instanceof z.ZodRecord)
    return fc.dictionary(textOf(schema.keyType as z.ZodType), near(schema.valueType as z.ZodType), { maxKeys: 3 });
  if (schema instanceof z.ZodArray) return fc.array(near(schema.element as z.ZodType), { maxLength: 4 });
  if (schema instanceof z.ZodUnion) return fc.oneof(...schema.options.map(option => near(option as z.ZodType)));
  if (schema instanceof z.ZodEnum) return fc.constantFrom(...schema.options);
  if (schema instanceof z.ZodLiteral) return fc.constantFrom(...schema.values);
  if (schema instanceof z.ZodBoolean) return fc.boolean();
  if (schema instanceof z.ZodNumber) return number;
  if (schema instanceof z.ZodString || schema instanceof z.ZodStringFormat) return textOf(schema);
  return wild;
}

/** Mostly a word that it allows. */
function textOf(schema: z.ZodType): fc.Arbitrary<string> {
  const allowed = words.filter(word => schema.safeParse(word).success);
  return allowed.length === 0
    ? text
    : fc.oneof({ weight: 30, arbitrary: fc.constantFrom(...allowed) }, { weight: 1, arbitrary: text });
}

/** Fields that are needed are mostly there, of the others a few; one in forty objects has one that there is not. */
function object(schema: z.ZodObject): fc.Arbitrary<Record<string, unknown>> {
  const fields = Object.fromEntries(
    Object.entries(schema.shape).map(([name, field]) => {
      const needed = !(field instanceof z.ZodOptional || field instanceof z.ZodDefault);
      const value = near(field as z.ZodType);
      const none = fc.constant(undefined);
      const [given, left] = needed ? [80, 1] : [1, 6];
      return [name, fc.oneof({ weight: given, arbitrary: value }, { weight: left, arbitrary: none })];
    }),
  );
  return fc.tuple(fc.record(fields), fc.nat(39), fc.tuple(text, wild)).map(([found, dice, more]) => {
    const given = Object.entries(found).filter(([, value]) => value !== undefined);
    return Object.fromEntries(dice === 0 ? [...given, more] : given);
  });
}
