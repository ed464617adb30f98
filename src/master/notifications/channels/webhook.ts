import { createHmac } from 'node:crypto';
import { formatInstant } from '../../../domain/time.ts';
import type { Channel, Delivery } from './channel.ts';
import { post } from './post.ts';

/**
 * Posts the notification as JSON, signed as https://www.standardwebhooks.com says: `webhook-id` (the same for every
 * try), `webhook-timestamp` and, with a secret, `webhook-signature`. A secret that begins with `whsec_` is base64.
 */
export function webhook(url: string, secret: string | undefined, clock: () => number = Date.now): Channel {
  return {
    async send(delivery, signal) {
      const body = JSON.stringify(bodyOf(delivery));
      const timestamp = String(Math.floor(clock() / 1_000));
      const headers: Record<string, string> = { 'webhook-id': delivery.id, 'webhook-timestamp': timestamp };
      if (secret !== undefined) {
        const signature = createHmac('sha256', keyOf(secret))
          .update(`${delivery.id}.${timestamp}.${body}`)
          .digest('base64');
        headers['webhook-signature'] = `v1,${signature}`;
      }
      await post(url, body, headers, signal);
    },
  };
}

function keyOf(secret: string): Buffer {
  const prefix = 'whsec_';
  return secret.startsWith(prefix) ? Buffer.from(secret.slice(prefix.length), 'base64') : Buffer.from(secret, 'utf8');
}

function bodyOf({ id, createdAt, content }: Delivery) {
  const { at, tick, until, ...rest } = content;
  return {
    type: `run.${content.event.toLowerCase()}`,
    id,
    timestamp: formatInstant(createdAt),
    data: {
      ...rest,
      at: formatInstant(at),
      ...(tick !== undefined && { tick: formatInstant(tick) }),
      ...(until !== undefined && { until: formatInstant(until) }),
    },
  };
}
