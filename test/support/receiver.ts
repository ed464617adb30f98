import { once } from 'node:events';
import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { TestContext } from 'node:test';
import { SMTPServer } from 'smtp-server';

export interface Received {
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A receiver of webhooks, which answers as `answer` does. */
export async function startReceiver(
  t: Pick<TestContext, 'after'>,
  answer: (response: ServerResponse, received: Received) => void = response => void response.end('ok'),
) {
  const received: Received[] = [];
  const server = createServer(async (request, response) => {
    const one = { url: request.url ?? '', headers: request.headers, body: await text(request) };
    received.push(one);
    answer(response, one);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, received };
}

/** A mail server. `refuse`: what it answers to recipients. */
export async function startMailServer(t: Pick<TestContext, 'after'>, refuse?: { readonly code: number }) {
  const mails: { readonly to: readonly string[]; readonly user: string | undefined; readonly raw: string }[] = [];
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onAuth: ({ username, password }, _session, callback) =>
      password === 'pass' ? callback(null, { user: username }) : callback(new Error('wrong password')),
    onRcptTo: (_address, _session, callback) =>
      refuse === undefined
        ? callback()
        : callback(Object.assign(new Error('mailbox is not taken'), { responseCode: refuse.code })),
    onData: (stream, session, callback) => {
      void text(stream).then(raw => {
        const to = session.envelope.rcptTo.map(({ address }) => address);
        mails.push({ to, user: session.user as string | undefined, raw });
        callback();
      });
    },
  });
  server.on('error', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  t.after(() => new Promise<void>(resolve => server.close(() => resolve())));
  return { address: `127.0.0.1:${(server.server.address() as AddressInfo).port}`, mails };
}
