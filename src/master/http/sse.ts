import type { Context } from 'hono';
import { type SSEStreamingApi, streamSSE } from 'hono/streaming';
import type { Milliseconds } from '../../domain/time.ts';
import type { AppEnv } from './environment.ts';

/** Proxies cut connections that are silent for long, and a write is what finds out that the client has gone. */
const keepAliveEvery: Milliseconds = 15_000;

/**
 * Answers with server-sent events until `send` resolves. Its signal aborts when the client goes away, and when the
 * server stops: a client then comes back, to another master perhaps, with `Last-Event-ID`.
 */
export function serverSentEvents(
  context: Context<AppEnv>,
  stopping: AbortSignal | undefined,
  send: (stream: SSEStreamingApi, signal: AbortSignal) => Promise<void>,
): Response {
  const gone = new AbortController();
  const signal = stopping === undefined ? gone.signal : AbortSignal.any([gone.signal, stopping]);
  // Nobody reads, or cancels, the body of an answer to HEAD.
  if (context.req.method === 'HEAD') return context.body(null, 200, { 'Content-Type': 'text/event-stream' });
  // No proxy may hold events back to make larger pieces of them.
  context.header('X-Accel-Buffering', 'no');
  return streamSSE(
    context,
    async stream => {
      stream.onAbort(() => gone.abort());
      const timer = setInterval(() => void stream.write(': still here\n\n'), keepAliveEvery);
      try {
        await send(stream, signal);
      } finally {
        clearInterval(timer);
        gone.abort();
      }
    },
    async error => {
      if (!signal.aborted) context.get('logger').error({ err: error }, 'event stream failed');
    },
  );
}
