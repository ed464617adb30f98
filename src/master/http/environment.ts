import type { Logger } from '../../observability/logger.ts';

/** What every handler finds in its context. */
export interface AppEnv {
  Variables: {
    /** Of the client's `X-Request-Id`, or made here; in the answer, the log and every problem. */
    requestId: string;
    logger: Logger;
  };
}
