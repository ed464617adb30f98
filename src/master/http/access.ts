import { createHash, timingSafeEqual } from 'node:crypto';
import type { ApiRole, ApiToken } from '../../config/security.ts';
import { CronmeshError } from '../../domain/errors.ts';

/** Whoever sent a request, as its token says. */
export interface Caller {
  readonly name: string;
  readonly role: ApiRole;
  /** What it may see: everything, or these namespaces. */
  readonly namespaces: '*' | readonly string[];
}

const strength: Readonly<Record<ApiRole, number>> = { viewer: 0, editor: 1, admin: 2 };

/** Who may do what over REST, by bearer tokens of which only the hashes are known. */
export class Access {
  readonly #tokens: () => readonly ApiToken[];
  /** Whether `/metrics` needs a token. */
  readonly metrics: boolean;

  constructor(tokens: () => readonly ApiToken[], options: { readonly metrics?: boolean } = {}) {
    this.#tokens = tokens;
    this.metrics = options.metrics ?? false;
  }

  /** @param header the request's `Authorization`. @throws CronmeshError Unauthorized */
  callerOf(header: string | undefined): Caller {
    const [, given] = /^Bearer +(\S{1,512}) *$/i.exec(header ?? '') ?? [];
    if (given === undefined) throw new CronmeshError('Unauthorized', 'a token is needed: Authorization: Bearer …');
    const digest = createHash('sha256').update(given).digest();
    // All are compared, each in constant time: how long it takes says nothing of how near a guess came.
    const [found] = this.#tokens().filter(({ sha256 }) => timingSafeEqual(digest, Buffer.from(sha256, 'hex')));
    if (found === undefined) throw new CronmeshError('Unauthorized', 'the token is not known here');
    const { name, role, namespaces } = found;
    return { name, role, namespaces: namespaces.includes('*') ? '*' : namespaces };
  }
}

/** @throws CronmeshError Forbidden that names the role needed */
export function requireRole(caller: Caller | undefined, role: ApiRole): void {
  if (caller === undefined || strength[caller.role] >= strength[role]) return;
  throw new CronmeshError('Forbidden', `the role ${role} is needed: ${caller.name} is ${caller.role}`);
}

/** Whether the caller may see a namespace; everybody may where there are no tokens. */
export function sees(caller: Caller | undefined, namespace: string): boolean {
  return caller === undefined || caller.namespaces === '*' || caller.namespaces.includes(namespace);
}

/** @throws CronmeshError Forbidden that names the namespace */
export function requireNamespace(caller: Caller | undefined, namespace: string): void {
  if (sees(caller, namespace)) return;
  const named = JSON.stringify(namespace.slice(0, 63));
  throw new CronmeshError('Forbidden', `${caller?.name} has no access to the namespace ${named}`);
}

/** What a list may show: the namespace asked for, or all that the caller may see. @throws CronmeshError Forbidden */
export function listScope(
  caller: Caller | undefined,
  namespace: string | undefined,
): { readonly namespace?: string; readonly namespaces?: readonly string[] } {
  if (namespace !== undefined) {
    requireNamespace(caller, namespace);
    return { namespace };
  }
  return caller === undefined || caller.namespaces === '*' ? {} : { namespaces: caller.namespaces };
}

/** Who asks, for the record. */
export const askedBy = (caller: Caller | undefined): string => `${caller?.name ?? 'user'} via REST`;
