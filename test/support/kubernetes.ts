import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants } from 'node:fs';

/** For node:test's `skip`: false where the environment's KUBECONFIG names a file whose cluster answers. */
export function kubernetesSkip(): string | false {
  const file = process.env.KUBECONFIG ?? '';
  const how = 'set KUBECONFIG to the file of a cluster that tests may use, with kubectl on PATH';
  try {
    accessSync(file, constants.R_OK);
  } catch {
    return `no Kubernetes: ${how} (KUBECONFIG is '${file}')`;
  }
  try {
    kubectl(['get', '--raw', '/readyz', '--request-timeout=5s']);
    return false;
  } catch (error) {
    return `no Kubernetes: ${how} (${(error as Error).message.trim().split('\n').at(-1)})`;
  }
}

/** What kubectl prints. @throws with what it says on standard error, when it fails or takes more than 2 minutes */
export function kubectl(args: readonly string[], input?: string): string {
  return execFileSync('kubectl', args, {
    encoding: 'utf8',
    timeout: 120_000,
    maxBuffer: 64 * 1024 * 1024,
    stdio: ['pipe', 'pipe', 'pipe'],
    ...(input === undefined ? {} : { input }),
  });
}

export interface TemporaryNamespace {
  readonly name: string;
  /** Deletes it with all that is in it; does not wait for its end. */
  remove(): void;
}

/** A namespace of its own, which enforces the restricted Pod Security Standard. */
export function temporaryNamespace(prefix: string): TemporaryNamespace {
  const name = `${prefix}-${randomBytes(3).toString('hex')}`;
  kubectl(['create', 'namespace', name]);
  kubectl(['label', 'namespace', name, 'pod-security.kubernetes.io/enforce=restricted']);
  return { name, remove: () => void kubectl(['delete', 'namespace', name, '--wait=false', '--ignore-not-found']) };
}
