import type { Logger } from '../../observability/logger.ts';
import type { Caller } from './access.ts';

/** What every handler finds in its context. */
export interface AppEnv {
  Variables: {
    /** Of the client's `X-Request-Id`, or made here; in the answer, the log and every problem. */
    requestId: string;
    logger: Logger;
    /** Who asks; undefined where no tokens are asked for. */
    caller: Caller | undefined;
  };
}
