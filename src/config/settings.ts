import { z } from 'zod';
import { valueAt } from '../domain/job/path.ts';
import { type Config, configSchema, type Role } from './schema.ts';

/** One setting of the schema: what is no section of its own. */
export interface Setting {
  /** `worker.capacity` */
  readonly path: string;
  /** `CRONMESH_WORKER_CAPACITY` */
  readonly environment: string;
  /** A change acts without a restart: `.meta({ live: true })` in the schema. */
  readonly live: boolean;
  /** Its value is never shown: `.meta({ secret: true })`, or its name says so. */
  readonly secret: boolean;
}

const secretName = /(^|\.)(tokens?|passwords?|secret|url)$/;

/** The settings, from the schema itself, in its order. */
export function settingsOf(role: Role): readonly Setting[] {
  return leaves(configSchema(role), []);
}

function leaves(section: z.ZodObject, above: readonly string[]): Setting[] {
  return Object.entries(section.shape).flatMap(([name, inner]) => {
    const group = inner instanceof z.ZodPrefault ? inner.unwrap() : inner;
    if (group instanceof z.ZodObject) return leaves(group, [...above, name]);
    const path = [...above, name].join('.');
    const { live, secret } = metaOf(inner as z.ZodType);
    return [{ path, environment: environmentName(path), live, secret: secret || secretName.test(path) }];
  });
}

/** What the schema says of a setting, whether before or after its default. */
function metaOf(schema: z.ZodType): { readonly live: boolean; readonly secret: boolean } {
  const found = { live: false, secret: false };
  for (let here: unknown = schema; here instanceof z.ZodType; here = inside(here)) {
    const meta = here.meta();
    found.live ||= meta?.live === true;
    found.secret ||= meta?.secret === true;
  }
  return found;
}

function inside(schema: z.ZodType): unknown {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) {
    return schema.unwrap();
  }
  return schema instanceof z.ZodPipe ? schema.out : undefined;
}

/** `worker.allowPrivateAddresses` → `CRONMESH_WORKER_ALLOW_PRIVATE_ADDRESSES`. */
export function environmentName(path: string): string {
  return `CRONMESH_${path
    .replace(/([a-z])([A-Z])/g, '$1_$2')
    .replaceAll('.', '_')
    .toUpperCase()}`;
}

export const valueIn = (config: Config, { path }: Setting): unknown => valueAt(config, path.split('.'));

const mask = '[masked]';
/** Inside a setting that is a mapping: channels of notifications have secrets, and URLs that are. */
const secretField = /^(tokens?|passwords?|secret|url|smtp)$/;

/** A setting's value for people: secrets masked, where they are said to be (`{ env: NAME }`) shown. */
export function masked(setting: Setting, value: unknown): unknown {
  if (value === undefined) return undefined;
  return setting.secret ? mask : maskFields(value);
}

function maskFields(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(maskFields);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, inner]) => [
      name,
      secretField.test(name) && typeof inner === 'string' ? mask : maskFields(inner),
    ]),
  );
}
