import { blank, celPattern } from './cel.ts';
import type { Schema } from './schema.ts';

/** How the API server checks a refinement: by CEL where CEL can see the fields, or by a keyword of the schema. */
export type RuleFor = { readonly rule: string } | { readonly keywords: Pick<Schema, 'oneOf'> };

/**
 * For each refinement of the zod schema, by its message, what the API server checks. The generator fails for one that
 * is neither here nor in `refinementsLeft`, so that none is forgotten.
 */
export const rules: Readonly<Record<string, RuleFor>> = {
  'exactly one executor is needed: shell, http, kubernetes, module or custom': {
    rule: '[has(self.shell), has(self.http), has(self.kubernetes), has(self.module), has(self.custom)].exists_one(given, given)',
  },
  // CEL does not see `command`, which has two types.
  'exactly one of command and script is needed': {
    keywords: { oneOf: [{ required: ['command'] }, { required: ['script'] }] },
  },
  'exactly one of secretKeyRef, configMapKeyRef, environment and file is needed': {
    rule: '[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.environment), has(self.file)].exists_one(given, given)',
  },
  'at least one of contains, matches and json is needed': {
    rule: 'has(self.contains) || has(self.matches) || has(self.json)',
  },
  'must not have $(NAME) before its path: names are replaced in path and query only': {
    rule: `!self.matches(${celPattern(`^${blank}*(?i:https?)://[^/?#]*[$][(]`)})`,
  },
  'must not begin with CRONMESH_': { rule: "!self.startsWith('CRONMESH_')" },
  'is not allowed with the kubernetes executor: use valueFrom in the pod template': {
    rule: '!has(self.secretRefs) || !has(self.executor.kubernetes)',
  },
  'is allowed with concurrencyPolicy Allow only': {
    rule: "!has(self.maxConcurrentRuns) || !has(self.concurrencyPolicy) || self.concurrencyPolicy == 'Allow'",
  },
  'is allowed with placement mode One only': {
    rule: "!has(self.maxConcurrentRuns) || !has(self.placement) || !has(self.placement.mode) || self.placement.mode == 'One'",
  },
  'must be Allow or Forbid with placement mode All or Shards': {
    rule: "!has(self.placement) || !has(self.placement.mode) || self.placement.mode == 'One' || !has(self.concurrencyPolicy) || self.concurrencyPolicy in ['Allow', 'Forbid']",
  },
  'needs placement mode One': {
    rule: "!has(self.concurrencyGroup) || !has(self.placement) || !has(self.placement.mode) || self.placement.mode == 'One'",
  },
  'is needed with mode Shards': { rule: "!has(self.mode) || self.mode != 'Shards' || has(self.shards)" },
  'is allowed with mode Shards only': { rule: "!has(self.shards) || (has(self.mode) && self.mode == 'Shards')" },
  'must have at least one value with In and NotIn': {
    rule: "!(self.operator in ['In', 'NotIn']) || (has(self.values) && size(self.values) > 0)",
  },
  'must be left out with Exists and DoesNotExist': {
    rule: "self.operator in ['In', 'NotIn'] || !has(self.values) || size(self.values) == 0",
  },
  'is allowed with concurrencyPolicy Queue only': {
    rule: "!has(self.maxQueuedRuns) || (has(self.concurrencyPolicy) && self.concurrencyPolicy == 'Queue')",
  },
  'is allowed with concurrencyPolicy Forbid, Replace or Queue only': {
    rule: "!has(self.concurrencyGroup) || (has(self.concurrencyPolicy) && self.concurrencyPolicy != 'Allow')",
  },
  'must contain Failed, which exitCodes and httpStatuses narrow': {
    rule: "(!has(self.exitCodes) && !has(self.httpStatuses)) || !has(self.outcomes) || 'Failed' in self.outcomes",
  },
  'is allowed with the http executor only': {
    rule: '!has(self.retry) || !has(self.retry.on) || !has(self.retry.on.httpStatuses) || has(self.executor.http)',
  },
  'is not allowed with the http executor, whose runs have no exit code': {
    rule: '!has(self.retry) || !has(self.retry.on) || !has(self.retry.on.exitCodes) || !has(self.executor.http)',
  },
  'must name each job once': { rule: 'self.all(one, self.exists_one(other, other.job == one.job))' },
  'must not name a calendar in both exclude and require': {
    rule: '!has(self.exclude) || !has(self.require) || !self.exclude.exists(name, name in self.require)',
  },
  'must be after startAt': {
    rule: '!has(self.startAt) || !has(self.endAt) || timestamp(self.endAt) > timestamp(self.startAt)',
  },
  'must be an http or https URL': { rule: `self.matches(${celPattern(`^${blank}*(?i:https?)://`)})` },
};

/** Refinements of the zod schema that the API server does not check, and why. */
export const refinementsLeft: Readonly<Record<string, string>> = {
  'must be a regular expression of JavaScript (with the flag u)': 'the API server has another language of patterns',
  'must not set connection, keep-alive, proxy-connection, transfer-encoding, content-length, upgrade, expect, te, trailer, traceparent or cronmesh-…, which the worker sets':
    'two patterns for each name of a map without a bound cost more than the API server allows',
  'must be JSON of at most 65536 bytes': 'CEL does not see a value of any type',
};
