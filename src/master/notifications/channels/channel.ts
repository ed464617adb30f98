import type { NewNotification } from '../../../domain/notification/notification.ts';
import type { Instant } from '../../../domain/time.ts';

/** A notification on its way. */
export interface Delivery extends NewNotification {
  readonly createdAt: Instant;
}

/** A way to tell people or programs. */
export interface Channel {
  /** @throws DeliveryError, or whatever the network says (worth another try) */
  send(delivery: Delivery, signal: AbortSignal): Promise<void>;
}

/** The receiver said no. */
export class DeliveryError extends Error {
  override readonly name = 'DeliveryError';
  /** Whether it may say yes another time. */
  readonly retryable: boolean;
  constructor(message: string, retryable: boolean) {
    super(message);
    this.retryable = retryable;
  }
}
