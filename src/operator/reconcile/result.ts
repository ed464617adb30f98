import type { Milliseconds } from '../../domain/time.ts';

/** What became of a key: done, perhaps to be looked at again after a while; or to be tried again with backoff. */
export type Result =
  | { readonly kind: 'done'; readonly after?: Milliseconds }
  | { readonly kind: 'retry'; readonly why: string; readonly most?: Milliseconds };
