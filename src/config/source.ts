/** What a server that holds settings says. */
export type SourceState =
  /** Its document; undefined where it has none. */
  { readonly is: 'here'; readonly text?: string | undefined } | { readonly is: 'away'; readonly reason: string };

/**
 * A server that holds a YAML document of settings. Whatever becomes of the server, `follow` goes on, and never keeps
 * the process busy: a failed attempt is followed by a wait.
 */
export interface Source {
  readonly kind: 'consul' | 'nacos';
  /** For people and messages: `Consul key cron/config/worker`. */
  readonly name: string;
  /** Tells each state, the first as soon as it is known. Resolves when the signal is aborted; never rejects. */
  follow(onState: (state: SourceState) => void, signal: AbortSignal): Promise<void>;
}
