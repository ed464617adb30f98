import { resourceStatus } from '../../src/domain/job/resource-status.ts';
import { jobName } from '../../src/domain/job/spec/names.ts';
import { jobSpec } from '../../src/domain/job/spec.ts';
import { annotatedSchema } from './annotated.ts';
import { type Column, columns } from './columns.ts';
import { scheduleRules } from './schedule-rules.ts';
import type { Schema, Validation } from './schema.ts';
import { structural } from './structural.ts';

/** The part of a CustomResourceDefinition that this project uses. */
export interface Definition {
  readonly apiVersion: 'apiextensions.k8s.io/v1';
  readonly kind: 'CustomResourceDefinition';
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  readonly spec: {
    readonly group: string;
    readonly names: {
      readonly kind: string;
      readonly listKind: string;
      readonly plural: string;
      readonly singular: string;
      readonly shortNames: readonly string[];
      readonly categories: readonly string[];
    };
    readonly scope: 'Namespaced';
    readonly versions: readonly {
      readonly name: string;
      readonly served: boolean;
      readonly storage: boolean;
      readonly subresources: { readonly status: Record<string, never> };
      readonly additionalPrinterColumns: readonly Column[];
      readonly schema: { readonly openAPIV3Schema: Schema };
    }[];
  };
}

/** The custom resource, all of it from the zod schemas of the job and of the resource's status. */
export function customResourceDefinition(): Definition {
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: 'cronjobs.cronmesh.io', labels: { 'app.kubernetes.io/name': 'cronmesh' } },
    spec: {
      group: 'cronmesh.io',
      names: {
        kind: 'CronJob',
        listKind: 'CronJobList',
        plural: 'cronjobs',
        singular: 'cronjob',
        shortNames: ['mcj'],
        categories: ['cronmesh'],
      },
      scope: 'Namespaced',
      versions: [
        {
          name: 'v1alpha1',
          served: true,
          storage: true,
          subresources: { status: {} },
          additionalPrinterColumns: columns,
          schema: { openAPIV3Schema: rootSchema() },
        },
      ],
    },
  };
}

function rootSchema(): Schema {
  return {
    type: 'object',
    description: 'A job of Cronmesh: what runs when, on which workers, and what becomes of ticks that cannot run.',
    required: ['spec'],
    properties: {
      // As every resource has them; kubectl explain shows what is said here.
      apiVersion: { type: 'string', description: 'cronmesh.io/v1alpha1' },
      kind: { type: 'string', description: 'CronJob' },
      metadata: { type: 'object' },
      spec: specSchema(),
      status: {
        ...structural(annotatedSchema(resourceStatus), 'status'),
        description: 'What became of it. Written by the operator alone.',
      },
    },
    'x-kubernetes-validations': [nameRule()],
  };
}

function specSchema(): Schema {
  const spec = structural(annotatedSchema(jobSpec), 'spec');
  const { schedule } = spec.properties ?? {};
  if (schedule === undefined) throw new Error('the spec has no schedule to give rules to');
  return {
    ...spec,
    description: 'The job, as in the REST API.',
    properties: { ...spec.properties, schedule: { ...schedule, 'x-kubernetes-validations': scheduleRules } },
  };
}

/** Kubernetes allows names of 253 characters. */
function nameRule(): Validation {
  const { maxLength } = annotatedSchema(jobName);
  if (maxLength === undefined) throw new Error("the job's name has no greatest length");
  return {
    rule: `self.metadata.name.size() <= ${maxLength}`,
    message: `metadata.name must have at most ${maxLength} characters`,
  };
}
