import type { Source } from './source.ts';

/** How a source stands, for people. */
export interface SourceStatus {
  readonly kind: Source['kind'];
  readonly name: string;
  readonly status: 'here' | 'empty' | 'away' | 'away, from its last copy';
  readonly reason?: string;
}

/** One setting as it is, for people: secrets are masked. */
export interface SettingStatus {
  readonly path: string;
  readonly environment: string;
  readonly live: boolean;
  /** Undefined where nothing is set, and there is no default. */
  readonly value: unknown;
  /** `default`, or where it stands. */
  readonly source: string;
}
