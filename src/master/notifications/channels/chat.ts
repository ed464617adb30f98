import { createHmac } from 'node:crypto';
import { type Channel, type Delivery, DeliveryError } from './channel.ts';
import { post } from './post.ts';

/** Chats answer 200 whatever comes of it, and say so in the body. */
const busy: ReadonlySet<number> = new Set([
  // Feishu: too many requests; an internal error.
  11232, 9499, 10000,
  // DingTalk: the limit of 20 a minute; its system is busy.
  130101, 410100, -1,
  // WeCom: the limit of 20 a minute.
  45009,
]);

const both = ({ content }: Delivery): string => `${content.title}\n${content.text}`;

/** An incoming webhook of Slack, or of what is compatible with it (Mattermost, Rocket.Chat, Discord's /slack). */
export function slack(url: string): Channel {
  return {
    async send(delivery, signal) {
      const { title, text } = delivery.content;
      await post(url, JSON.stringify({ text: `*${escapeSlack(title)}*\n${escapeSlack(text)}` }), {}, signal);
    },
  };
}

const escapeSlack = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

/** A robot of DingTalk; with a secret each request is signed, as its security setting "sign" asks. */
export function dingtalk(url: string, secret: string | undefined, clock: () => number = Date.now): Channel {
  return {
    async send(delivery, signal) {
      const target = new URL(url);
      if (secret !== undefined) {
        const timestamp = clock();
        const sign = createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
        target.searchParams.set('timestamp', String(timestamp));
        target.searchParams.set('sign', sign);
      }
      const body = { msgtype: 'text', text: { content: both(delivery) } };
      judge(await post(target.href, JSON.stringify(body), {}, signal), 'errcode', 'errmsg');
    },
  };
}

/** A bot of Feishu or Lark; with a secret each request is signed. */
export function feishu(url: string, secret: string | undefined, clock: () => number = Date.now): Channel {
  return {
    async send(delivery, signal) {
      const timestamp = String(Math.floor(clock() / 1_000));
      const signed =
        secret === undefined
          ? {}
          : { timestamp, sign: createHmac('sha256', `${timestamp}\n${secret}`).update('').digest('base64') };
      const body = { ...signed, msg_type: 'text', content: { text: both(delivery) } };
      judge(await post(url, JSON.stringify(body), {}, signal), 'code', 'msg');
    },
  };
}

/** A group robot of WeCom. */
export function wecom(url: string): Channel {
  return {
    async send(delivery, signal) {
      const body = { msgtype: 'text', text: { content: both(delivery) } };
      judge(await post(url, JSON.stringify(body), {}, signal), 'errcode', 'errmsg');
    },
  };
}

function judge(answer: string, code: string, message: string): void {
  let said: Record<string, unknown>;
  try {
    said = JSON.parse(answer) as Record<string, unknown>;
  } catch {
    throw new DeliveryError(`the receiver answered no JSON: ${answer.slice(0, 200)}`, true);
  }
  const number = said[code];
  // An old answer of Feishu has `StatusCode` instead.
  if (number === 0 || (number === undefined && said.StatusCode === 0)) return;
  throw new DeliveryError(
    `the receiver refused it: ${number} ${String(said[message])}`.slice(0, 300),
    busy.has(Number(number)),
  );
}
