import { type CheckStatus, CoordinationError, type ServiceInstance, type ServiceRegistration } from '../coordinator.ts';

interface Check {
  readonly service: string;
  readonly ttl: number | undefined;
  status: CheckStatus;
  timer?: NodeJS.Timeout;
}

/** Services and their checks. HTTP checks are not fetched: they pass until `override` says otherwise. */
export class Catalog {
  readonly #services = new Map<string, ServiceRegistration>();
  readonly #checks = new Map<string, Check>();
  readonly #onChange: (service: string) => void;
  readonly #onCritical: (check: string) => void;

  constructor(onChange: (service: string) => void, onCritical: (check: string) => void) {
    this.#onChange = onChange;
    this.#onCritical = onCritical;
  }

  register(registration: ServiceRegistration): void {
    this.#services.set(registration.id, registration);
    for (const { id, ...check } of registration.checks) {
      // As in Consul, a check that is there keeps its status.
      const status = this.#checks.get(id)?.status ?? 'passing';
      clearTimeout(this.#checks.get(id)?.timer);
      this.#checks.set(id, { service: registration.id, ttl: check.kind === 'ttl' ? check.ttl : undefined, status });
      this.#restartTtl(id);
    }
    this.#onChange(registration.service);
  }

  deregister(id: string): void {
    const registration = this.#services.get(id);
    if (registration === undefined) return;
    this.#services.delete(id);
    for (const [checkId, check] of [...this.#checks]) {
      if (check.service !== id) continue;
      clearTimeout(check.timer);
      this.#checks.delete(checkId);
      this.#onCritical(checkId);
    }
    this.#onChange(registration.service);
  }

  setTtl(id: string, status: CheckStatus): void {
    const check = this.#checks.get(id);
    if (check === undefined) {
      throw new CoordinationError(`check ${id} is not registered: register the service again`, 'refused', 404);
    }
    if (check.ttl === undefined) throw new CoordinationError(`check ${id} is not a ttl check`, 'refused', 400);
    this.override(id, status);
    this.#restartTtl(id);
  }

  /** Sets any check. */
  override(id: string, status: CheckStatus): void {
    const check = this.#checks.get(id);
    if (check === undefined || check.status === status) return;
    check.status = status;
    if (status === 'critical') this.#onCritical(id);
    const registration = this.#services.get(check.service);
    if (registration !== undefined) this.#onChange(registration.service);
  }

  statusOf(check: string): CheckStatus | undefined {
    return this.#checks.get(check)?.status;
  }

  instances(service: string): ServiceInstance[] {
    const found: ServiceInstance[] = [];
    for (const registration of this.#services.values()) {
      if (registration.service !== service) continue;
      const checks: Record<string, CheckStatus> = { serfHealth: 'passing' };
      for (const [id, check] of this.#checks) if (check.service === registration.id) checks[id] = check.status;
      const { id, address, port, meta } = registration;
      const passing = Object.values(checks).every(status => status === 'passing');
      found.push({ service, id, node: 'local', address, port, meta, checks, passing });
    }
    return found.sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  clear(): void {
    for (const check of this.#checks.values()) clearTimeout(check.timer);
    this.#services.clear();
    this.#checks.clear();
  }

  #restartTtl(id: string): void {
    const check = this.#checks.get(id);
    if (check?.ttl === undefined) return;
    clearTimeout(check.timer);
    check.timer = setTimeout(() => this.override(id, 'critical'), check.ttl).unref();
  }
}
