import { z } from 'zod';
import type { Coordinator } from '../../coordination/coordinator.ts';
import { moduleCatalogPath } from '../../coordination/keys.ts';
import { type ModuleCatalogRecord, readModuleCatalog } from '../../coordination/module-catalog.ts';
import type { FieldProblem } from '../../domain/errors.ts';
import { nearest } from '../../domain/job/nearest.ts';
import { preview } from '../../domain/job/preview.ts';
import { problemsOf } from '../../domain/job/problems.ts';
import type { JobSpec } from '../../domain/job/spec.ts';
import type { Logger } from '../../observability/logger.ts';
import type { WorkerDirectory, WorkerView } from './workers.ts';

export interface ModuleCheckOptions {
  readonly workers: Pick<WorkerDirectory, 'current' | 'list'>;
  readonly coordinator: Pick<Coordinator, 'get'>;
  readonly logger: Logger;
}

/** Names shown in a refusal. */
const mostNames = 20;

/** Checks what a job names in workers' modules against what the workers of the catalog have. */
export class ModuleCheck {
  readonly #options: ModuleCheckOptions;
  /** By hash: what is under one never changes. */
  readonly #catalogs = new Map<string, ModuleCatalogRecord>();

  constructor(options: ModuleCheckOptions) {
    this.#options = options;
  }

  /**
   * What is wrong with `executor.module` or `executor.custom`. Nothing while no live worker has any, or while the catalog
   * is not seen: such a job waits for its worker.
   */
  async problems({ executor }: Pick<JobSpec, 'executor'>): Promise<readonly FieldProblem[]> {
    const wanted = wantedOf(executor);
    const { workers } = this.#options;
    if (wanted === undefined || !workers.current) return [];
    const able = workers.list().filter(worker => worker.executors.includes(wanted.kind));
    if (able.length === 0) return [];
    const having = able.filter(worker => namesOf(worker, wanted.kind).includes(wanted.name));
    if (having.length === 0) return [unknownName(wanted, able)];
    return await this.#inputProblems(wanted, having);
  }

  /** Workers may differ, during an update say: it is enough that one of them takes the input. */
  async #inputProblems(wanted: Wanted, having: readonly WorkerView[]): Promise<readonly FieldProblem[]> {
    let first: readonly FieldProblem[] = [];
    for (const hash of new Set(having.map(worker => worker.catalog))) {
      const schema = hash === undefined ? undefined : await this.#schema(hash, wanted);
      const found = schema === undefined ? [] : judge(wanted, schema);
      if (found.length === 0) return [];
      if (first.length === 0) first = found;
    }
    return first;
  }

  async #schema(hash: string, { kind, name }: Wanted): Promise<z.ZodType | undefined> {
    const catalog = await this.#catalog(hash);
    const entries = kind === 'module' ? catalog?.jobs : catalog?.executors;
    const schema = entries?.find(one => one.name === name)?.schema;
    if (schema === undefined) return undefined;
    try {
      return z.fromJSONSchema(schema);
    } catch (error) {
      this.#options.logger.debug({ err: error, name }, 'the schema of a module is left to the run');
      return undefined;
    }
  }

  async #catalog(hash: string): Promise<ModuleCatalogRecord | undefined> {
    const known = this.#catalogs.get(hash);
    if (known !== undefined) return known;
    const entry = await this.#options.coordinator.get(moduleCatalogPath(hash)).catch(() => undefined);
    const read = entry && readModuleCatalog(entry.value);
    if (read) this.#catalogs.set(hash, read);
    return read;
  }
}

interface Wanted {
  readonly kind: 'module' | 'custom';
  readonly name: string;
  readonly field: 'input' | 'with';
  readonly value: unknown;
}

function wantedOf({ module, custom }: JobSpec['executor']): Wanted | undefined {
  if (module) return { kind: 'module', name: module.name, field: 'input', value: module.input };
  return custom && { kind: 'custom', name: custom.name, field: 'with', value: custom.with };
}

function namesOf(worker: WorkerView, kind: Wanted['kind']): readonly string[] {
  return (kind === 'module' ? worker.modules : worker.customs) ?? [];
}

function unknownName({ kind, name }: Wanted, able: readonly WorkerView[]): FieldProblem {
  const known = [...new Set(able.flatMap(worker => namesOf(worker, kind)))].sort();
  const near = nearest(name, known);
  const guess = near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`;
  const more = known.length > mostNames ? ` and ${known.length - mostNames} more` : '';
  const what = kind === 'module' ? 'is no job of any worker’s modules' : 'is no executor of any worker’s modules';
  return {
    field: `spec.executor.${kind}.name`,
    value: preview(name),
    message: `${what}${guess === '' ? '.' : guess} Known are ${known.slice(0, mostNames).join(', ')}${more}`,
  };
}

function judge({ kind, field, value }: Wanted, schema: z.ZodType): readonly FieldProblem[] {
  const document = { spec: { executor: { [kind]: value === undefined ? {} : { [field]: value } } } };
  const wrap = (name: string, inner: z.ZodType) => z.object({ [name]: inner });
  const whole = wrap('spec', wrap('executor', wrap(kind, wrap(field, schema))));
  const parsed = whole.safeParse(document);
  return parsed.success ? [] : problemsOf(parsed.error, document, whole);
}
