/**
 * Everything that runs has this one form. `start` resolves when the service works; `stop` is idempotent, safe before
 * `start`, and resolves when no timer, socket or promise of the service is left.
 */
export interface Service {
  start(): Promise<void>;
  stop(): Promise<void>;
}
