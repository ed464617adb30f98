import type { Response } from 'undici';

/** A request to the Kubernetes API that failed. */
export class KubernetesError extends Error {
  override readonly name = 'KubernetesError';
  /** Of the answer; undefined where none came. */
  readonly status: number | undefined;

  constructor(message: string, options: { status?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.status = options.status;
  }

  /** The resource, or its kind, is not there. */
  get notFound(): boolean {
    return this.status === 404;
  }

  /** Somebody changed the resource meanwhile, or it is another one of the name. */
  get conflict(): boolean {
    return this.status === 409;
  }

  /** The resource version asked for is too old to watch from. */
  get gone(): boolean {
    return this.status === 410;
  }
}

/** From an answer that is no success: Kubernetes says why in a Status object. */
export async function refusal(method: string, path: string, response: Response): Promise<KubernetesError> {
  const text = await response.text().catch(() => '');
  let said = text.slice(0, 500);
  try {
    const { message } = JSON.parse(text) as { message?: unknown };
    if (typeof message === 'string') said = message.slice(0, 500);
  } catch {
    // A proxy answered, not Kubernetes: its text as it is.
  }
  return new KubernetesError(
    `the Kubernetes API refused (${method} ${path}): ${response.status} ${said}${hint(response.status)}`,
    { status: response.status },
  );
}

function hint(status: number): string {
  if (status === 401) return '; the credentials are not valid';
  if (status === 403) return "; the operator's service account lacks this right";
  return '';
}
