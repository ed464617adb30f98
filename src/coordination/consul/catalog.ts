import type { CheckStatus, ServiceCheck, ServiceInstance, ServiceRegistration } from '../coordinator.ts';

/** The package's form of a registration. Checks begin passing: Consul's own default, critical, would refuse sessions. */
export function encodeRegistration(registration: ServiceRegistration): Readonly<Record<string, unknown>> {
  const { service: name, id, address, port, meta } = registration;
  return { name, id, address, port, meta, checks: registration.checks.map(encodeCheck) };
}

function encodeCheck(check: ServiceCheck): Readonly<Record<string, string | boolean>> {
  const common = { checkid: check.id, name: check.name, status: 'passing' };
  if (check.kind === 'ttl') return { ...common, ttl: `${check.ttl}ms` };
  return {
    ...common,
    http: check.url,
    // The agent asks an address that no certificate need name; it asks whether the process answers, and tells it nothing.
    ...(check.url.startsWith('https:') && { tlsskipverify: true }),
    interval: `${check.interval}ms`,
    timeout: `${check.timeout}ms`,
    ...(check.deregisterAfter !== undefined && { deregistercriticalserviceafter: `${check.deregisterAfter}ms` }),
  };
}

interface RawInstance {
  readonly Node: { readonly Node: string; readonly Address: string };
  readonly Service: {
    readonly ID: string;
    readonly Service: string;
    readonly Address: string;
    readonly Port: number;
    readonly Meta: Readonly<Record<string, string>> | null;
  };
  readonly Checks: readonly { readonly CheckID: string; readonly Status: CheckStatus }[];
}

/** Instances as `/v1/health/service/` lists them, in order of their ids. */
export function decodeInstances(body: unknown): ServiceInstance[] {
  const instances = (body as readonly RawInstance[]).map(({ Node, Service, Checks }) => ({
    service: Service.Service,
    id: Service.ID,
    node: Node.Node,
    address: Service.Address === '' ? Node.Address : Service.Address,
    port: Service.Port,
    meta: Service.Meta ?? {},
    checks: Object.fromEntries(Checks.map(check => [check.CheckID, check.Status])),
    passing: Checks.every(check => check.Status === 'passing'),
  }));
  return instances.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
}
