import { request } from 'undici';
import { DeliveryError } from './channel.ts';

const answerLimit = 16 * 1024;
/** Answers that may be others later: time-outs, conflicts, and too many requests. */
const passing: ReadonlySet<number> = new Set([408, 409, 425, 429]);

/**
 * Posts JSON. @returns the answer's text
 * @throws DeliveryError for an answer that is no success; its message names the status and never the URL, which may be a secret
 */
export async function post(
  url: string,
  body: string,
  headers: Readonly<Record<string, string>>,
  signal: AbortSignal,
): Promise<string> {
  const answer = await request(url, {
    method: 'POST',
    body,
    headers: { 'content-type': 'application/json', 'user-agent': 'cronmesh', ...headers },
    signal,
  });
  const text = await readSome(answer.body);
  const { statusCode: status } = answer;
  if (status >= 200 && status < 300) return text;
  const said = text.trim().slice(0, 200);
  throw new DeliveryError(
    `the receiver answered ${status}${said === '' ? '' : `: ${said}`}`,
    status >= 500 || passing.has(status),
  );
}

async function readSome(body: AsyncIterable<Uint8Array> & { destroy(): unknown }): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of body) {
    parts.push(part);
    size += part.length;
    if (size > answerLimit) break;
  }
  body.destroy();
  return Buffer.concat(parts).toString('utf8');
}
