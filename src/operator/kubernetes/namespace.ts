import { readFileSync } from 'node:fs';
import type { KubeConfig } from '@kubernetes/client-node';
import type { KubernetesConnection } from './connection.ts';

/** Where Kubernetes tells a pod its namespace. */
const mounted = '/var/run/secrets/kubernetes.io/serviceaccount/namespace';

/** The namespace that the operator runs in: its pod's, or that of the kubeconfig's context, or `default`. */
export function ownNamespace(config: KubeConfig): string {
  try {
    const name = readFileSync(mounted, 'utf8').trim();
    if (name !== '') return name;
  } catch {
    // Not in a pod.
  }
  return config.getContextObject(config.getCurrentContext())?.namespace ?? 'default';
}

/** A namespace's uid: what tells one cluster from another. @throws KubernetesError */
export async function namespaceUid(connection: KubernetesConnection, name: string): Promise<string> {
  const { metadata } = await connection.request<{ metadata: { uid: string } }>(
    'GET',
    `/api/v1/namespaces/${encodeURIComponent(name)}`,
  );
  return metadata.uid;
}
