import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { z } from 'zod';
import { annotatedSchema } from '../../scripts/crd/annotated.ts';
import { customResourceDefinition } from '../../scripts/crd/definition.ts';
import { refinementsLeft, rules } from '../../scripts/crd/rules.ts';
import type { Schema } from '../../scripts/crd/schema.ts';
import { structural } from '../../scripts/crd/structural.ts';
import { definitionFiles, definitionText } from '../../scripts/crd/text.ts';
import { resourceStatus } from '../../src/domain/job/resource-status.ts';
import { jobSpec } from '../../src/domain/job/spec.ts';
import { validateManifest } from '../../src/domain/job/validate.ts';
import { wrongManifests } from '../support/wrong-manifests.ts';

describe("the custom resource's definition", () => {
  it('is what the generator gives, wherever it is kept', () => {
    const files = definitionFiles();
    assert.match(files[0] ?? '', /deploy\/crds\/cronjobs\.cronmesh\.io\.yaml$/);
    for (const file of files) {
      const hint = `${file}: run \`npm run generate:crd\` and commit what it writes`;
      assert.equal(readFileSync(file, 'utf8'), definitionText(customResourceDefinition()), hint);
    }
  });

  it('has a rule for each refinement of the schema, or says why not, and no rule for none', () => {
    const found = new Set(
      nodes(annotatedSchema(jobSpec))
        .flatMap(node => node['x-cronmesh-refinements'] ?? [])
        .map(one => one.message),
    );
    assert.ok(found.size >= 7, `only ${found.size} refinements found`);
    assert.deepEqual([...found].sort(), [...Object.keys(rules), ...Object.keys(refinementsLeft)].sort());
  });

  it('knows every field of the spec and of the status, and the rules of names', () => {
    const { spec, status } = customResourceDefinition().spec.versions[0]?.schema.openAPIV3Schema.properties ?? {};
    assert.deepEqual(Object.keys(spec?.properties ?? {}), Object.keys(jobSpec.shape));
    assert.deepEqual(Object.keys(status?.properties ?? {}), Object.keys(resourceStatus.shape));
    const named = nodes(annotatedSchema(jobSpec)).filter(node => node.propertyNames?.pattern !== undefined);
    const judged = nodes(spec ?? {}).filter(node =>
      node['x-kubernetes-validations']?.some(one => one.rule.startsWith('self.all(name,')),
    );
    assert.equal(judged.length, named.length);
    assert.equal(judged.length, 4);
  });
});

describe('a structural schema', () => {
  const of = (schema: z.ZodType): Schema => structural(annotatedSchema(schema));

  it('keeps bounds, patterns, words, defaults and descriptions', () => {
    assert.deepEqual(
      of(
        z.strictObject({
          a: z.int().min(1).max(9).default(3).describe('Three.'),
          b: z
            .string()
            .regex(/^a\/b$/, 'x')
            .max(5)
            .optional(),
        }),
      ),
      {
        type: 'object',
        properties: {
          a: { description: 'Three.', type: 'integer', default: 3, minimum: 1, maximum: 9 },
          b: { type: 'string', maxLength: 5, pattern: '^a/b$' },
        },
      },
    );
    assert.deepEqual(of(z.literal('a')), { type: 'string', enum: ['a'] });
    assert.deepEqual(of(z.iso.datetime({ offset: true })), { type: 'string', format: 'date-time' });
  });

  it('has a rule beside a bound with a fraction, which the API server would cut off', () => {
    const rule = { rule: 'self >= 0.5', message: 'must be at least 0.5' };
    assert.deepEqual(of(z.number().min(0.5).max(2)), {
      type: 'number',
      minimum: 0.5,
      maximum: 2,
      'x-kubernetes-validations': [rule],
    });
  });

  it('is open where unknown fields are let through', () => {
    assert.deepEqual(of(z.looseObject({ a: z.boolean() })), {
      type: 'object',
      required: ['a'],
      properties: { a: { type: 'boolean' } },
      'x-kubernetes-preserve-unknown-fields': true,
    });
  });

  it('has two kinds of unions', () => {
    assert.deepEqual(of(z.union([z.int().min(1).max(2), z.string().min(3)])), {
      'x-kubernetes-int-or-string': true,
      minimum: 1,
      maximum: 2,
      minLength: 3,
    });
    assert.deepEqual(of(z.union([z.string().min(1), z.array(z.string()).min(2)])), {
      'x-kubernetes-preserve-unknown-fields': true,
      minLength: 1,
      minItems: 2,
    });
    for (const text of [z.string(), z.string().min(1)]) {
      assert.throws(
        () => of(z.strictObject({ a: z.union([z.boolean(), text]) })),
        /\(root\)\.a: no structural form for a union of boolean,string/,
      );
    }
  });

  it('judges the names of a record in CEL, in the words of the schema', () => {
    assert.deepEqual(of(z.record(z.string().regex(/^a+$/, 'must be of a'), z.string())), {
      type: 'object',
      additionalProperties: { type: 'string' },
      'x-kubernetes-validations': [{ rule: 'self.all(name, name.matches(r"^a+$"))', message: 'the name must be of a' }],
    });
  });

  it('says where the rule of a refinement belongs', () => {
    const message = 'is allowed with concurrencyPolicy Allow only';
    const schema = z.strictObject({ a: z.string() }).refine(() => true, { path: ['a'], message });
    assert.equal(of(schema)['x-kubernetes-validations']?.[0]?.fieldPath, '.a');
  });

  it('is refused for a refinement that nobody thought of', () => {
    const schema = z.strictObject({ a: z.string().refine(text => text !== 'b', 'must not be b') });
    assert.throws(() => of(schema), /\(root\)\.a: the refinement "must not be b" has no rule for the API server/);
    assert.throws(() => of(z.string().refine(text => text !== 'b')), /no message of its own/);
    assert.throws(() => of(z.string().superRefine(() => undefined)), /no message of its own/);
  });

  it('is refused for a keyword that it has no form for', () => {
    assert.throws(() => of(z.tuple([z.string()])), /no structural form for prefixItems/);
  });
});

describe('manifests that are wrong for the API server, or for the operator', () => {
  // The kind and the length of a list of errors are the API server's own affair; the rest must be wrong everywhere.
  for (const { what, manifest } of wrongManifests) {
    it(`are wrong for REST as well: ${what}`, () => {
      assert.throws(() => validateManifest(manifest), { name: 'CronmeshError' });
    });
  }
});

function nodes(schema: Schema): Schema[] {
  const { properties, items, additionalProperties, anyOf } = schema;
  const below = [
    ...Object.values(properties ?? {}),
    ...(items === undefined ? [] : [items]),
    ...(typeof additionalProperties === 'object' ? [additionalProperties] : []),
    ...(anyOf ?? []),
  ];
  return [schema, ...below.flatMap(nodes)];
}
