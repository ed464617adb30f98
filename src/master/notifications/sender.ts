import { backoffDelay } from '../../domain/backoff.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Notification } from '../../store/store.ts';
import type { Office } from '../leader/office.ts';
import { type Channel, DeliveryError } from './channels/channel.ts';

export interface SenderOptions {
  readonly channels: ReadonlyMap<string, Channel>;
  /** Default 10 s. */
  readonly timeout?: Milliseconds;
  /** Between tries. Default 5 s, doubled, at most 1 h. */
  readonly backoff?: { readonly initial: Milliseconds; readonly maximum: Milliseconds; readonly factor: number };
}

/** Tries of one notification: with the default backoff the last is about 5 hours after the first. */
const mostTries = 15;
const atOnce = 50;
const defaultBackoff = { initial: 5_000, maximum: 3_600_000, factor: 2 } as const;

/**
 * Sends what waits, one after another in each channel. A receiver that hangs holds up its own channel alone, and nothing
 * else of the leader: no pass waits for a delivery.
 */
export class Sender {
  readonly #office: Office;
  readonly #options: SenderOptions;
  readonly #busy = new Map<string, Promise<void>>();

  constructor(office: Office, options: SenderOptions) {
    this.#office = office;
    this.#options = options;
  }

  /** Begins what can be begun. */
  async pass(): Promise<void> {
    const { logger } = this.#office;
    for (const [name, channel] of this.#options.channels) {
      if (this.#busy.has(name)) continue;
      const sending = this.#drain(name, channel)
        .catch(error => logger.warn({ err: error, channel: name }, 'notifications could not be read or noted'))
        .finally(() => this.#busy.delete(name));
      this.#busy.set(name, sending);
    }
  }

  /** Resolves when no delivery is under way. */
  async idle(): Promise<void> {
    await Promise.all(this.#busy.values());
  }

  async #drain(name: string, channel: Channel): Promise<void> {
    const { store, clock, signal } = this.#office;
    for (;;) {
      const due = await store.dueNotifications(name, clock(), atOnce);
      for (const one of due) {
        if (signal.aborted) return;
        await this.#send(channel, one);
      }
      if (due.length < atOnce) return;
    }
  }

  async #send(channel: Channel, one: Notification): Promise<void> {
    const { store, term, clock, signal, metrics, logger } = this.#office;
    const { timeout = 10_000, backoff = defaultBackoff } = this.#options;
    const attempts = one.attempts + 1;
    try {
      await channel.send(one, AbortSignal.any([signal, AbortSignal.timeout(timeout)]));
    } catch (error) {
      // Cut off by the end of the office: the next leader sends it.
      if (signal.aborted) return;
      const final = attempts >= mostTries || (error instanceof DeliveryError && !error.retryable);
      const at = clock() + (final ? 0 : backoffDelay(backoff, one.attempts, Math.random()));
      const why = describe(error, timeout);
      metrics.notifications.inc({ channel: one.channel, result: final ? 'failed' : 'retried' });
      logger.warn(
        { channel: one.channel, notification: one.id, attempts, final, reason: why },
        'a notification was not delivered',
      );
      await store.noteNotification(term, { id: one.id, state: final ? 'Failed' : 'Waiting', attempts, at, error: why });
      return;
    }
    metrics.notifications.inc({ channel: one.channel, result: 'sent' });
    await store.noteNotification(term, { id: one.id, state: 'Sent', attempts, at: clock() });
  }
}

/** URLs of receivers may be secrets: only what the receiver or the system said is kept. */
function describe(error: unknown, timeout: Milliseconds): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer within ${timeout / 1_000} s`;
  const { code } = error as NodeJS.ErrnoException;
  return (error.message || code || error.name).split('\n', 1)[0]?.slice(0, 300) ?? error.name;
}
