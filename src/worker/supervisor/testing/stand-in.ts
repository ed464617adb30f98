import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { readProcess } from '../../executors/shell/processes.ts';
import type { AttemptMessage, StartRequest } from '../protocol.ts';
import { until } from './requests.ts';
import type { Orders } from './worker.ts';

const program = fileURLToPath(new URL('./worker.ts', import.meta.url));

/** Messages of attempts, and waits for them. A run is ready when it has printed something. */
export function inbox() {
  const messages: AttemptMessage[] = [];
  const find = (request: StartRequest, type: AttemptMessage['type']) =>
    messages.find(one => one.run === request.run && one.type === type);
  return {
    messages,
    find,
    ready: (request: StartRequest) => until(() => find(request, 'output') !== undefined),
    finished: async (request: StartRequest) => {
      await until(() => find(request, 'finished') !== undefined);
      const message = find(request, 'finished');
      return message?.type === 'finished' ? message.result : undefined;
    },
  };
}

/** Starts a worker stand-in as a process of its own, and waits until its requests are ready. Killed after the test. */
export async function startWorker(t: TestContext, orders: Orders) {
  const box = inbox();
  const child: ChildProcess = spawn(process.execPath, [program, JSON.stringify(orders)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const supervisor = Promise.withResolvers<number>();
  if (child.stdout) {
    createInterface(child.stdout).on('line', line => {
      const message = JSON.parse(line) as AttemptMessage | { type: 'supervisor'; pid: number };
      if (message.type === 'supervisor') supervisor.resolve(message.pid);
      else box.messages.push(message);
    });
  }
  const supervisorPid = await supervisor.promise;
  for (const request of orders.requests) await box.ready(request);
  return { child, supervisorPid, ...box };
}

/** Whether a process runs: a zombie that its parent has not waited for does not. */
export const isAlive = (pid: number): boolean => readProcess(pid) !== undefined;
