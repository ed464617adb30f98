/** Longer than this nobody waits for an answer: a master that was stopped gives none. */
const patience = 5_000;

/** What a master said. `status` 0: nothing came, and nobody knows what it did. */
export interface Answer {
  readonly sent: number;
  readonly answered: number;
  readonly status: number;
  /** Absent where it was no JSON. */
  readonly body?: unknown;
}

/** One request, one answer, no second try: what was asked is asked once. */
export async function ask(
  base: string,
  method: string,
  path: string,
  body?: unknown,
  wait = patience,
): Promise<Answer> {
  const sent = Date.now();
  try {
    const response = await fetch(`${base}${path}`, {
      method,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { 'content-type': method === 'PATCH' ? 'application/merge-patch+json' : 'application/json' },
      }),
      signal: AbortSignal.timeout(wait),
    });
    const text = await response.text();
    return {
      sent,
      answered: Date.now(),
      status: response.status,
      ...(text.startsWith('{') && { body: JSON.parse(text) }),
    };
  } catch {
    return { sent, answered: Date.now(), status: 0 };
  }
}

/** @throws Error when it is not 200 */
export async function read<T>(base: string, path: string, wait = patience): Promise<T> {
  const { status, body } = await ask(base, 'GET', path, undefined, wait);
  if (status !== 200 || body === undefined) throw new Error(`GET ${base}${path}: status ${status}`);
  return body as T;
}

export function resultOf({ status }: Answer): 'done' | 'refused' | 'unknown' {
  if (status >= 200 && status < 300) return 'done';
  return status >= 400 && status < 500 ? 'refused' : 'unknown';
}

/** A job as REST shows it, as far as the harness reads it. */
export interface JobView {
  readonly metadata: { readonly uid: string; readonly revision: number; readonly creationTimestamp: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

/** A run as REST shows it. */
export interface RunView {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly jobUid: string;
  readonly trigger: string;
  readonly tick?: string;
  readonly attempt: number;
  readonly state: string;
  readonly reason?: string;
  readonly message?: string;
  readonly worker?: string;
  readonly startedAt?: string;
  readonly finishedAt?: string;
  readonly exitCode?: number;
}

export interface Page<T> {
  readonly items: readonly T[];
  readonly next?: string;
}
