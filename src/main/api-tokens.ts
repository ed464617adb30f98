import { readFileSync } from 'node:fs';
import { load } from 'js-yaml';
import type { Config } from '../config/schema.ts';
import { type ApiToken, apiTokens } from '../config/security.ts';
import type { Service } from '../domain/lifecycle.ts';
import type { Logger } from '../observability/logger.ts';
import { Rereading } from './rereading.ts';
import { StartError } from './runtime.ts';

/** The tokens of the configuration and of `auth.tokensFile`, which is read again as it changes: a token taken out of it is refused within 10 s. */
export class ApiTokens implements Service {
  readonly #fixed: readonly ApiToken[];
  readonly #file: string | undefined;
  readonly #rereading: Rereading;
  #current: readonly ApiToken[];
  #text = '';

  /** @throws StartError that names the setting */
  constructor({ auth }: Pick<Config, 'auth'>, logger: Logger) {
    this.#fixed = auth.tokens;
    this.#file = auth.tokensFile;
    this.#rereading = new Rereading({
      read: () => {
        if (!this.#read()) return undefined;
        return () => logger.info({ tokens: this.#current.map(({ name }) => name) }, 'new tokens are in use');
      },
      refuse: reason => logger.error({ reason }, 'new tokens are refused: the old ones stay'),
    });
    this.#current = this.#fixed;
    try {
      this.#read();
    } catch (error) {
      throw new StartError((error as Error).message);
    }
  }

  /** Whether REST asks for tokens at all. */
  get wanted(): boolean {
    return this.#fixed.length > 0 || this.#file !== undefined;
  }

  get current(): readonly ApiToken[] {
    return this.#current;
  }

  async start(): Promise<void> {
    if (this.#file !== undefined) await this.#rereading.start();
  }

  async stop(): Promise<void> {
    await this.#rereading.stop();
  }

  /** Gives whether there are others now. @throws Error that names the setting and the field, and shows no hash */
  #read(): boolean {
    if (this.#file === undefined) return false;
    let text: string;
    try {
      text = readFileSync(this.#file, 'utf8');
    } catch (error) {
      throw new Error(`auth.tokensFile: cannot read ${this.#file}: ${(error as NodeJS.ErrnoException).code}`);
    }
    if (text === this.#text) return false;
    let given: unknown;
    try {
      given = load(text);
    } catch {
      throw new Error(`auth.tokensFile: ${this.#file} is no YAML`);
    }
    const parsed = apiTokens.safeParse(given);
    if (!parsed.success) {
      const [first] = parsed.error.issues;
      throw new Error(`auth.tokensFile: ${this.#file}: [${first?.path.join('.')}] ${first?.message}`);
    }
    this.#text = text;
    this.#current = [...this.#fixed, ...parsed.data];
    return true;
  }
}
