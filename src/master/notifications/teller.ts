import type { NewNotification } from '../../domain/notification/notification.ts';
import type { Office } from '../leader/office.ts';

/** Writes down what is to be told. */
export class Teller {
  readonly #office: Office;
  readonly #channels: ReadonlySet<string>;
  readonly #missed = new Set<string>();

  constructor(office: Office, channels: Iterable<string>) {
    this.#office = office;
    this.#channels = new Set(channels);
  }

  /** Twice the same is once. @throws StaleTermError */
  async tell(wanted: readonly NewNotification[]): Promise<void> {
    const known = wanted.filter(({ channel }) => this.#channels.has(channel));
    for (const { channel, namespace, name } of wanted) {
      if (this.#channels.has(channel) || this.#missed.has(channel)) continue;
      // Taken out of the configuration after the job was made.
      this.#missed.add(channel);
      this.#office.logger.error({ channel, job: `${namespace}/${name}` }, 'there is no such channel: nobody is told');
    }
    if (known.length === 0) return;
    await this.#office.store.addNotifications(this.#office.term, known, this.#office.clock());
  }
}
