import { Agent, request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** Answers by status, and by the `code` of those that are problems; `broken` ones had no answer. */
export interface Tally {
  readonly statuses: Map<number, number>;
  readonly codes: Map<string, number>;
  broken: number;
  /** Refusals without what a client needs: problem+json, `code`, `Retry-After`. */
  readonly wrong: string[];
}

export interface Flood {
  readonly tally: Tally;
  stop(): Promise<void>;
}

const newTally = (): Tally => ({ statuses: new Map(), codes: new Map(), broken: 0, wrong: [] });
const count = <K>(map: Map<K, number>, key: K): void => void map.set(key, (map.get(key) ?? 0) + 1);

export interface Target {
  readonly port: number;
  /** The address that it comes from: all of 127.0.0.0/8 is this machine. */
  readonly from: string;
}

interface Ask {
  readonly method: string;
  readonly path: string;
  readonly body?: string;
}

/** `width` requests at once, each followed by the next as soon as it is answered, until stopped. */
export function requestFlood({ port, from }: Target, width: number, ask: (i: number) => Ask): Flood {
  const tally = newTally();
  const agent = new Agent({ keepAlive: true, maxSockets: width, localAddress: from });
  let stopped = false;
  let number = 0;
  const one = async (): Promise<void> => {
    while (!stopped) {
      const { method, path, body } = ask(number++);
      await send({ agent, method, path, port, ...(body !== undefined && { body }) }, tally);
    }
  };
  const all = Array.from({ length: width }, one);
  return {
    tally,
    async stop() {
      stopped = true;
      await Promise.race([Promise.all(all), delay(5_000)]);
      agent.destroy();
      await Promise.all(all);
    },
  };
}

interface Sending extends Ask {
  readonly agent: Agent;
  readonly port: number;
}

function send({ agent, method, path, port, body }: Sending, tally: Tally): Promise<void> {
  return new Promise(resolve => {
    const headers = { host: '127.0.0.1', ...(body !== undefined && { 'content-type': 'application/json' }) };
    const asked = request({ agent, method, path, host: '127.0.0.1', port, headers }, answer => {
      const status = answer.statusCode ?? 0;
      count(tally.statuses, status);
      let text = '';
      answer.on('data', chunk => {
        if (status >= 400) text += chunk;
      });
      answer.on('error', () => {});
      answer.once('close', () => {
        if (status === 429 || status === 503) judge(tally, answer.headers, text);
        resolve();
      });
    });
    asked.once('error', () => {
      tally.broken++;
      // Not in a busy loop where nothing listens.
      setTimeout(resolve, 20);
    });
    asked.end(body);
  });
}

function judge(tally: Tally, headers: NodeJS.Dict<string | string[]>, text: string): void {
  try {
    const problem = JSON.parse(text) as { code?: string; detail?: string };
    count(tally.codes, problem.code ?? 'none');
    if (!String(headers['content-type']).startsWith('application/problem+json')) tally.wrong.push(`type: ${text}`);
    if (!/^\d+$/.test(String(headers['retry-after']))) tally.wrong.push(`Retry-After: ${headers['retry-after']}`);
    if (!problem.code || !problem.detail) tally.wrong.push(text);
  } catch {
    tally.wrong.push(text.slice(0, 200));
  }
}

/** Connections that begin in this way and say no more; closed ones are opened anew, so that there are always `width`. */
export function heldConnections({ port, from }: Target, width: number, beginning: string): Flood {
  const tally = newTally();
  const sockets = new Set<Socket>();
  let stopped = false;
  const open = (): void => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: from });
    sockets.add(socket);
    socket.once('connect', () => socket.write(beginning));
    socket.on('data', data => {
      const status = /^HTTP\/1\.1 (\d+)/.exec(data.toString('latin1'))?.[1];
      if (status !== undefined) count(tally.statuses, Number(status));
    });
    socket.on('error', () => {});
    socket.once('close', () => {
      sockets.delete(socket);
      tally.broken++;
      if (!stopped) setTimeout(() => !stopped && open(), 200);
    });
  };
  for (let i = 0; i < width; i++) open();
  return {
    tally,
    async stop() {
      stopped = true;
      for (const socket of sockets) socket.destroy();
      await delay(10);
    },
  };
}
