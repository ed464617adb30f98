/** A JSON Schema as zod gives it and as a CustomResourceDefinition holds it: the keywords that both know. */
export interface Schema {
  type?: string;
  format?: string;
  description?: string;
  default?: unknown;
  enum?: readonly unknown[];
  const?: unknown;
  pattern?: string;
  minLength?: number;
  maxLength?: number;
  minimum?: number;
  maximum?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  required?: readonly string[];
  properties?: Record<string, Schema>;
  additionalProperties?: boolean | Schema;
  propertyNames?: Schema;
  items?: Schema;
  anyOf?: readonly Schema[];
  oneOf?: readonly Schema[];
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: readonly string[];
  'x-kubernetes-validations'?: readonly Validation[];
  /** Ours, between zod and the definition: what JSON Schema has no keyword for. */
  'x-cronmesh-refinements'?: readonly Refinement[];
}

/** A rule in CEL that the API server checks, and what it says when it does not hold. */
export interface Validation {
  readonly rule: string;
  readonly message: string;
  /** The field that the message is about, where it is not the one that the rule is on: `.maxConcurrentRuns`. */
  readonly fieldPath?: string;
}

/** A condition that the zod schema checks in code. */
export interface Refinement {
  readonly message: string;
  /** The field that it is about, below the one that it is on. */
  readonly path?: readonly PropertyKey[];
}
