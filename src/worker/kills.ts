import type { Coordinator } from '../coordination/coordinator.ts';
import { prefix } from '../coordination/keys.ts';
import { decode, type KillRecord } from '../coordination/records.ts';
import { watchList } from '../coordination/watch.ts';
import type { Logger } from '../observability/logger.ts';

/** Follows the kills that are asked for, until the signal is aborted. */
export function watchKills(
  coordinator: Coordinator,
  options: {
    readonly onKills: (kills: readonly KillRecord[]) => void;
    readonly signal: AbortSignal;
    readonly logger: Logger;
  },
): Promise<void> {
  const { onKills, signal, logger } = options;
  return watchList(coordinator, prefix.killer, {
    signal,
    onChange: entries => {
      const kills: KillRecord[] = [];
      for (const entry of entries) {
        try {
          kills.push(decode<KillRecord>(entry));
        } catch (error) {
          logger.error({ err: error, key: entry.key }, 'a kill is left alone: it cannot be read');
        }
      }
      onKills(kills);
    },
    onError: (error, attempt) => logger.warn({ err: error, attempt }, 'the kills cannot be read; trying again'),
  });
}
