import { setTimeout as sleep } from 'node:timers/promises';
import { backoffDelay, defaultBackoff } from '../domain/backoff.ts';
import type { Client } from './client.ts';
import { ApiError } from './errors.ts';
import type { RunView } from './views.ts';

/** Without an answer for this many tries in a row (about half a minute) it is given up. */
const maxTries = 10;

/**
 * Follows a run to its end: `output` gets each piece of what it prints. A connection that is cut is taken up again
 * where it was, at whatever master answers. Gives the run as it ended.
 *
 * @throws CliError
 */
export async function followRun(
  client: Client,
  id: string,
  output: (text: string) => void,
  options: { readonly attempt?: number } = {},
): Promise<RunView> {
  let last: string | undefined;
  for (let tries = 0; ; tries++) {
    try {
      const query = { follow: 'true', attempt: options.attempt };
      for await (const { event, data, id: position } of client.events(
        `/api/v1/runs/${encodeURIComponent(id)}/logs`,
        query,
        last,
      )) {
        tries = 0;
        if (event === 'end') return JSON.parse(data) as RunView;
        if (event !== 'output') continue;
        last = position ?? last;
        output((JSON.parse(data) as { text: string }).text);
      }
    } catch (error) {
      const refused = error instanceof ApiError && error.httpStatus < 500;
      if (refused || tries >= maxTries) throw error;
    }
    await sleep(backoffDelay(defaultBackoff, tries, Math.random()));
  }
}
