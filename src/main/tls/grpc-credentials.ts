import { type ChannelCredentials, credentials, experimental, ServerCredentials } from '@grpc/grpc-js';
import type { TlsFiles, TlsMaterial } from './files.ts';

type Provider =
  ConstructorParameters<typeof experimental.FileWatcherCertificateProvider> extends never
    ? never
    : Parameters<typeof experimental.createCertificateProviderServerCredentials>[0];
type CaListener = experimental.CaCertificateUpdateListener;
type IdentityListener = experimental.IdentityCertificateUpdateListener;

/**
 * Certificates for grpc-js that change while it runs. The interface is marked experimental there: the tests of mTLS hold
 * what is used of it.
 */
class Certificates implements Provider {
  readonly #files: TlsFiles;
  readonly #ends = new Map<CaListener | IdentityListener, () => void>();

  constructor(files: TlsFiles) {
    this.#files = files;
  }

  addCaCertificateListener(listener: CaListener): void {
    this.#add(listener, ({ ca }) => listener(ca === undefined ? null : { caCertificate: ca }));
  }
  addIdentityCertificateListener(listener: IdentityListener): void {
    this.#add(listener, ({ cert, key }) =>
      listener(cert === undefined || key === undefined ? null : { certificate: cert, privateKey: key }),
    );
  }
  removeCaCertificateListener(listener: CaListener): void {
    this.#remove(listener);
  }
  removeIdentityCertificateListener(listener: IdentityListener): void {
    this.#remove(listener);
  }

  #add(listener: CaListener | IdentityListener, tell: (material: TlsMaterial) => void): void {
    this.#ends.set(listener, this.#files.onChange(tell));
    // Not inside the call: the server begins to listen to its credentials after it.
    queueMicrotask(() => tell(this.#files.current));
  }
  #remove(listener: CaListener | IdentityListener): void {
    this.#ends.get(listener)?.();
    this.#ends.delete(listener);
  }
}

/** A master's: with a CA every client needs a certificate of it. Plain text where there is no certificate. */
export function serverCredentials(files: TlsFiles): ServerCredentials {
  const { cert, ca } = files.current;
  if (cert === undefined) return ServerCredentials.createInsecure();
  const certificates = new Certificates(files);
  const { createCertificateProviderServerCredentials: create } = experimental;
  // In 1.14 its first two parameters have each other's names: the first is the server's own certificate.
  return create(certificates, ca === undefined ? null : certificates, ca !== undefined);
}

/** A worker's: trusts the CA of `caFile` alone. Plain text where nothing is set. */
export function channelCredentials(files: TlsFiles): ChannelCredentials {
  const { cert, ca } = files.current;
  if (cert === undefined || ca === undefined) return credentials.createInsecure();
  const certificates = new Certificates(files);
  return experimental.createCertificateProviderChannelCredentials(certificates, certificates);
}
