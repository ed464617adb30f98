import type { PeerCertificate } from 'node:tls';

/** The worker's name in a certificate: its one URI `spiffe://<trust domain>/worker/<name>`. */
const identity = /^spiffe:\/\/[^/]+\/worker\/([A-Za-z0-9](?:[-A-Za-z0-9._]{0,62}[A-Za-z0-9])?)$/;

/**
 * Whose certificate it is: the name of a worker; undefined where it names none, or several.
 *
 * @example workerOf(socket.getPeerCertificate()) // 'worker-3' of URI:spiffe://cluster.local/worker/worker-3
 */
export function workerOf(certificate: Pick<PeerCertificate, 'subjectaltname'> | undefined): string | undefined {
  const uris = alternativeNames(certificate?.subjectaltname ?? '').filter(([kind]) => kind === 'URI');
  const names = uris.flatMap(([, uri]) => identity.exec(uri)?.[1] ?? []);
  return names.length === 1 ? names[0] : undefined;
}

/** Node.js lists them as text, with quotes round those that could be taken for several: these must not be cut up. */
function alternativeNames(text: string): readonly (readonly [kind: string, value: string])[] {
  return [...text.matchAll(/([A-Za-z ]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/gy)].map(
    ([, kind = '', value = '']) => [kind, value] as const,
  );
}
