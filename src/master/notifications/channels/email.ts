import { createTransport } from 'nodemailer';
import { type Channel, DeliveryError } from './channel.ts';

/** Sends mail over SMTP. `smtp`: `smtp://user:password@host:587` (STARTTLS where offered), or `smtps://…`. */
export function email(options: {
  readonly smtp: string;
  readonly from: string;
  readonly to: readonly string[];
}): Channel {
  return {
    async send(delivery, signal) {
      // A connection for each: mails are rare, and a transport of its own can be cut off.
      const transport = createTransport(options.smtp, {});
      const cut = (): void => transport.close();
      signal.addEventListener('abort', cut, { once: true });
      const { title, text } = delivery.content;
      try {
        const sent = transport.sendMail({
          from: options.from,
          to: [...options.to],
          subject: `[cronmesh] ${title}`,
          text: `${text}\n`,
          // The same for every try: a mail server may know it again.
          messageId: `<${delivery.id.replaceAll(/[^A-Za-z0-9.-]/g, '.')}@cronmesh>`,
          headers: { 'Auto-Submitted': 'auto-generated' },
        });
        await Promise.race([sent, aborted(signal)]);
      } catch (error) {
        const { responseCode } = error as { responseCode?: number };
        // SMTP: 5xx is for good, 4xx for now.
        if (responseCode !== undefined && responseCode >= 500) throw new DeliveryError((error as Error).message, false);
        throw error;
      } finally {
        signal.removeEventListener('abort', cut);
        transport.close();
      }
    },
  };
}

function aborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
