import { isDeepStrictEqual } from 'node:util';
import type { Service } from '../domain/lifecycle.ts';
import type { Milliseconds } from '../domain/time.ts';
import type { Copies } from './copies.ts';
import { ConfigError } from './error.ts';
import { type Evaluated, evaluate, type Layer } from './layers.ts';
import type { Config, Role } from './schema.ts';
import { masked, type Setting, settingsOf, valueIn } from './settings.ts';
import type { Source, SourceState } from './source.ts';
import { documentLayer } from './sources/document.ts';
import type { SettingStatus, SourceStatus } from './status.ts';
import { setPath, type Tree } from './tree.ts';

/** What became of a document: taken, refused, or deleted at its source. */
export type ReloadResult = 'accepted' | 'refused' | 'removed';

/** Of a logger, what is needed here: observability is a layer above. */
export interface ConfigLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

export interface LiveConfigOptions {
  readonly role: Role;
  /** From file, environment and flags: `givenLayers`. */
  readonly given: readonly Layer[];
  readonly sources: readonly Source[];
  readonly copies: Pick<Copies, 'load' | 'save'>;
  readonly logger: ConfigLog;
  /** How long `start` waits for a source without a copy. Default 10 s. */
  readonly patience?: Milliseconds;
}

/** A source, and what of it is in force. */
interface Followed {
  readonly source: Source;
  /** In force: accepted, or the copy of an earlier process. */
  text: string | undefined;
  /** `text` is a copy from disk, and the server has not been reached yet. */
  fromCopy: boolean;
  /** As it last said, undefined before it said anything. */
  state: SourceState | undefined;
}

const defaultPatience: Milliseconds = 10_000;
/** A server that is silent, where there is a copy. */
const patienceWithCopy: Milliseconds = 3_000;

/**
 * The configuration of a running process. Documents of sources are followed: a change to a setting that is `live` acts
 * at once, through those who subscribed to it; any other is said to need a restart; a bad document is refused as a
 * whole, and what was before stays.
 *
 * A source that is away at the start stands in with its last good copy; without one it is waited for (`patience`), and
 * then the start goes on without it.
 */
export class LiveConfig implements Service {
  readonly #options: LiveConfigOptions;
  readonly #settings: readonly Setting[];
  readonly #followed: readonly Followed[];
  readonly #subscribers: { readonly paths: readonly string[]; readonly apply: (config: Config) => unknown }[] = [];
  readonly #stopping = new AbortController();
  readonly #counts = new Map<string, number>();
  #follows: Promise<unknown> = Promise.resolve();
  #heard: () => void = () => {};
  /** As the layers say it now. */
  #wanted: Evaluated;
  /** As it is in force: `wanted`, but for what needs a restart. */
  #running: Config;
  #started = false;

  /** @throws ConfigError when what was given is wrong by itself */
  constructor(options: LiveConfigOptions) {
    this.#options = options;
    this.#settings = settingsOf(options.role);
    this.#followed = options.sources.map(source => ({ source, text: undefined, fromCopy: false, state: undefined }));
    this.#wanted = evaluate(options.role, options.given);
    this.#running = this.#wanted.config;
  }

  /** In force now. */
  get config(): Config {
    return this.#running;
  }

  /** Settings whose newest value waits for a restart. */
  get pending(): readonly string[] {
    return this.#settings.filter(one => this.#differs(one, this.#wanted.config)).map(one => one.path);
  }

  /** How often documents of a source came to this end. */
  count(kind: Source['kind'], result: ReloadResult): number {
    return this.#counts.get(`${kind} ${result}`) ?? 0;
  }

  /** Resolves when each source is read, stands in with its copy, or was waited for in vain. @throws ConfigError */
  async start(): Promise<void> {
    for (const one of this.#followed) {
      one.text = this.#copyOf(one.source);
      one.fromCopy = one.text !== undefined;
    }
    const { signal } = this.#stopping;
    const follows = this.#followed.map(one => one.source.follow(state => this.#hear(one, state), signal));
    this.#follows = Promise.all(follows);
    await this.#firstWord();
    this.#started = true;
    try {
      this.#begin();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#follows;
  }

  /** `apply` is called after each change to one of the settings, with everything that is in force. */
  subscribe(paths: readonly string[], apply: (config: Config) => unknown): void {
    for (const path of paths) {
      if (this.#settings.find(one => one.path === path)?.live !== true) throw new Error(`${path} is no live setting`);
    }
    this.#subscribers.push({ paths, apply });
  }

  /** Every setting, in the schema's order. */
  describe(): readonly SettingStatus[] {
    return this.#settings.map(setting => ({
      path: setting.path,
      environment: setting.environment,
      live: setting.live,
      value: masked(setting, valueIn(this.#running, setting)),
      source: this.#wanted.origins.get(setting.path) ?? 'default',
    }));
  }

  sources(): readonly SourceStatus[] {
    return this.#followed.map(({ source, state, fromCopy, text }) => ({
      kind: source.kind,
      name: source.name,
      status:
        state?.is === 'here' ? (text === undefined ? 'empty' : 'here') : fromCopy ? 'away, from its last copy' : 'away',
      ...(state?.is === 'away' && { reason: state.reason }),
    }));
  }

  #copyOf(source: Source): string | undefined {
    const text = this.#options.copies.load(source);
    if (text === undefined) return undefined;
    try {
      this.#evaluate([{ source, text }]);
      return text;
    } catch {
      // An older version may have accepted what this one does not.
      return undefined;
    }
  }

  /** Waits for each source: to be here, or to be away where a copy stands in; for a time. */
  async #firstWord(): Promise<void> {
    const began = performance.now();
    const waited = ({ state, fromCopy }: Followed): boolean => {
      if (state?.is === 'here' || (state?.is === 'away' && fromCopy)) return true;
      const patience = this.#options.patience ?? defaultPatience;
      return performance.now() - began >= (fromCopy ? Math.min(patience, patienceWithCopy) : patience);
    };
    while (!this.#followed.every(waited)) {
      const heard = Promise.withResolvers<void>();
      this.#heard = heard.resolve;
      const timer = setTimeout(heard.resolve, 250);
      await heard.promise;
      clearTimeout(timer);
    }
  }

  /** Puts together what was heard. @throws ConfigError for a bad document that no copy stands in for */
  #begin(): void {
    const { logger } = this.#options;
    for (const one of this.#followed) {
      const { source, state, fromCopy } = one;
      const from = { source: source.name };
      if (state?.is === 'here') {
        const copy = one.text;
        one.text = state.text;
        if (one.text === undefined) {
          logger.warn(from, 'there is no document there: it sets nothing');
          continue;
        }
        try {
          this.#evaluate();
          this.#accepted(one);
        } catch (error) {
          this.#count(source, 'refused');
          if (copy === undefined || !(error instanceof ConfigError)) throw error;
          logger.error({ ...from, reason: error.message }, 'refused; its last good copy is in force');
          one.text = copy;
        }
      } else if (fromCopy) {
        logger.warn({ ...from, reason: state?.reason }, 'the source is away: its last good copy is in force');
      } else {
        const reason = state?.reason ?? 'no answer';
        logger.error({ ...from, reason }, 'the source is away, and there is no copy: starting WITHOUT its settings');
      }
    }
    this.#wanted = this.#evaluate();
    this.#running = this.#wanted.config;
  }

  #hear(one: Followed, state: SourceState): void {
    const before = one.state;
    one.state = state;
    this.#heard();
    if (!this.#started || this.#stopping.signal.aborted) return;
    const { logger } = this.#options;
    const from = { source: one.source.name };
    if (state.is === 'away') {
      if (before?.is === 'here') {
        logger.warn({ ...from, reason: state.reason }, 'the source is away: what it last said stays in force');
      }
      return;
    }
    if (before?.is === 'away') logger.info(from, 'the source is back');
    if (state.text === one.text || (before?.is === 'here' && before.text === state.text)) return;
    this.#change(one, state.text);
  }

  /** Takes a document, or refuses it. */
  #change(one: Followed, text: string | undefined): void {
    const { logger } = this.#options;
    const old = one.text;
    one.text = text;
    let next: Evaluated;
    try {
      next = this.#evaluate();
    } catch (error) {
      one.text = old;
      this.#count(one.source, 'refused');
      logger.error({ source: one.source.name, reason: (error as Error).message }, 'refused; what was before stays');
      return;
    }
    this.#accepted(one);
    this.#adopt(next, one.source);
  }

  #accepted({ source, text }: Followed): void {
    const { logger, copies } = this.#options;
    this.#count(source, text === undefined ? 'removed' : 'accepted');
    if (text === undefined) {
      logger.warn({ source: source.name }, 'there is no document there: it sets nothing now');
      return;
    }
    try {
      copies.save(source, text);
    } catch (error) {
      logger.warn({ source: source.name, reason: (error as Error).message }, 'its copy could not be written');
    }
  }

  #adopt(next: Evaluated, source: Source): void {
    const { logger } = this.#options;
    const before = new Set(this.pending);
    const pendingBefore = this.#wanted.config;
    this.#wanted = next;
    const changed = this.#settings.filter(one => this.#differs(one, next.config));
    const running = structuredClone(this.#running) as Tree;
    const live = changed.filter(one => one.live);
    for (const one of live) setPath(running, one.path.split('.'), valueIn(next.config, one));
    this.#running = running as Config;
    const shown = (settings: readonly Setting[]) =>
      Object.fromEntries(settings.map(one => [one.path, masked(one, valueIn(next.config, one))]));
    // First, so that a change of log.level to one that shows more shows itself.
    this.#tell(live.map(one => one.path));
    if (live.length > 0) logger.info({ source: source.name, changed: shown(live) }, 'the configuration changed');
    const unsafe = changed.filter(
      one =>
        !one.live &&
        !(before.has(one.path) && isDeepStrictEqual(valueIn(pendingBefore, one), valueIn(next.config, one))),
    );
    if (unsafe.length > 0) {
      logger.warn({ source: source.name, changed: shown(unsafe) }, 'a change needs a restart of this process to act');
    }
  }

  #tell(paths: readonly string[]): void {
    for (const subscriber of this.#subscribers) {
      if (!subscriber.paths.some(path => paths.includes(path))) continue;
      // A part that fails at it must not keep the others from theirs.
      const apply = async () => subscriber.apply(this.#running);
      apply().catch((error: unknown) => {
        this.#options.logger.error({ err: error, settings: subscriber.paths }, 'a change could not be applied');
      });
    }
  }

  #differs(setting: Setting, config: Config): boolean {
    return !isDeepStrictEqual(valueIn(this.#running, setting), valueIn(config, setting));
  }

  /** @throws ConfigError */
  #evaluate(documents: readonly { source: Source; text: string | undefined }[] = this.#followed): Evaluated {
    const { role, given } = this.#options;
    const layers = documents.flatMap(({ source: { kind, name }, text }) => {
      const layer = text === undefined ? undefined : documentLayer(kind, name, text);
      if (layer !== undefined && 'sources' in layer.tree) {
        throw new ConfigError(`configuration: sources (from ${name}): must not be here: a source names no source`);
      }
      return layer === undefined ? [] : [layer];
    });
    return evaluate(role, [...given, ...layers]);
  }

  #count({ kind }: Source, result: ReloadResult): void {
    this.#counts.set(`${kind} ${result}`, this.count(kind, result) + 1);
  }
}
