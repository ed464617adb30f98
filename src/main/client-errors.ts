import { randomUUID } from 'node:crypto';
import { type Server, STATUS_CODES } from 'node:http';
import type { Socket } from 'node:net';
import { CronmeshError } from '../domain/errors.ts';
import { problemOf } from '../master/http/problem.ts';

/** What Node's parser refuses before there is a request; the rest is malformed. */
const errors: Readonly<Record<string, CronmeshError>> = {
  HPE_HEADER_OVERFLOW: new CronmeshError('HeadersTooLarge', 'path, query and headers take at most 16 KiB together'),
  ERR_HTTP_REQUEST_TIMEOUT: new CronmeshError('RequestTimeout', 'the request did not come to its end in time'),
};
const malformed = new CronmeshError('InvalidInput', 'this is not a request of HTTP/1.1');

/** Answers what is no request as everything else is answered, where Node sends a status without a body. */
export function answerClientErrors(server: Server): void {
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket & { _httpMessage?: Answer | null }) => {
    // Nothing may be written into the middle of an answer. The property is the one that Node itself looks at.
    const begun = socket._httpMessage?.headersSent === true;
    if (!socket.writable || begun || error.code === 'ECONNRESET') return void socket.destroy(error);
    const { status, headers, body } = problemOf(errors[error.code ?? ''] ?? malformed, randomUUID());
    const lines = Object.entries({ ...headers, 'Content-Length': Buffer.byteLength(body), Connection: 'close' });
    const head = lines.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n${head}\r\n${body}`, () => socket.destroy());
  });
}

interface Answer {
  readonly headersSent: boolean;
}
