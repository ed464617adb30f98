import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Authority } from './certificates.ts';
import { type ConsulServer, startConsul } from './consul.ts';

export const consulPrograms = ['master', 'worker', 'operator', 'agent'] as const;
export type ConsulProgram = (typeof consulPrograms)[number];

export interface GuardedConsul extends ConsulServer {
  /** May do everything. */
  readonly management: string;
  /** A token with the policy that is shipped for that program. */
  readonly tokens: Readonly<Record<ConsulProgram, string>>;
}

/** A Consul with ACLs in default-deny and TLS, and a token for each of the policies in `deploy/consul`; its agent has its own. */
export async function startGuardedConsul(authority: Authority): Promise<GuardedConsul> {
  const management = randomUUID();
  const https = { ...authority.issue('consul', { ip: ['127.0.0.1'] }), caFile: authority.caFile };
  const consul = await startConsul({ management, https });
  const put = async (path: string, body: unknown): Promise<void> => {
    const answer = await fetch(`${consul.address}/v1/${path}`, {
      method: 'PUT',
      headers: { 'x-consul-token': management },
      body: JSON.stringify(body),
    });
    if (!answer.ok) throw new Error(`${path}: ${answer.status} ${await answer.text()}`);
    await answer.text();
  };
  try {
    const tokens = {} as Record<ConsulProgram, string>;
    for (const who of consulPrograms) {
      const Name = `cronmesh-${who}`;
      const Rules = readFileSync(new URL(`../../deploy/consul/${who}.hcl`, import.meta.url), 'utf8');
      await put('acl/policy', { Name, Rules });
      tokens[who] = randomUUID();
      await put('acl/token', { SecretID: tokens[who], Policies: [{ Name }] });
    }
    await put('agent/token/agent', { Token: tokens.agent });
    return Object.assign(consul, { management, tokens });
  } catch (error) {
    await consul.stop();
    throw error;
  }
}
