import { KubeConfig } from '@kubernetes/client-node';
import { StartError } from './runtime.ts';

/** The Kubernetes API as KUBECONFIG says, else `~/.kube/config`, else as a pod finds it. @throws StartError */
export function loadKubeConfig(): KubeConfig {
  const config = new KubeConfig();
  try {
    config.loadFromDefault();
  } catch (error) {
    throw new StartError(`the kubeconfig cannot be used: ${(error as Error).message}`);
  }
  // What the library assumes where there is nothing.
  const server = config.getCurrentCluster()?.server;
  if (server === undefined || server === 'http://localhost:8080') {
    throw new StartError('there is no Kubernetes: run it in a pod with a service account, or set KUBECONFIG');
  }
  return config;
}
