import type { Source } from '../../source.ts';

/** How a key of Consul is followed: `watchKey` of a coordinator, which main picks. */
export type FollowKey = (
  key: string,
  options: {
    readonly signal: AbortSignal;
    readonly onChange: (entry: { readonly value: string } | undefined) => void;
    readonly onError: (error: unknown) => void;
  },
) => Promise<void>;

/** Settings in a key of Consul. */
export function consulSource(key: string, followKey: FollowKey): Source {
  return {
    kind: 'consul',
    name: `Consul key ${key}`,
    follow: (onState, signal) =>
      followKey(key, {
        signal,
        onChange: entry => onState({ is: 'here', text: entry?.value }),
        onError: error => onState({ is: 'away', reason: (error as Error).message }),
      }),
  };
}
