import { createHash, createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Service } from '../../domain/lifecycle.ts';
import type { Milliseconds } from '../../domain/time.ts';
import type { Logger } from '../../observability/logger.ts';
import { Rereading } from '../rereading.ts';
import { StartError } from '../runtime.ts';

export interface TlsPaths {
  readonly certFile?: string | undefined;
  readonly keyFile?: string | undefined;
  readonly caFile?: string | undefined;
}

/** What TLS is made of, as PEM. */
export interface TlsMaterial {
  readonly cert?: Buffer;
  readonly key?: Buffer;
  readonly ca?: Buffer;
}

export interface TlsFilesOptions {
  /** For messages: `grpc.tls`. */
  readonly setting: string;
  readonly paths: TlsPaths;
  readonly logger: Logger;
  /** How often the files are read again. Default 10 s. */
  readonly every?: Milliseconds;
}

/**
 * Certificates in files, read again as they are renewed. New files are taken together once they fit together; what can't be
 * used (half written, expired, another key's) is said once and the old stay.
 */
export class TlsFiles implements Service {
  readonly #options: TlsFilesOptions;
  readonly #listeners = new Set<(material: TlsMaterial) => void>();
  readonly #rereading: Rereading;
  #current: TlsMaterial;

  /** @throws StartError that names the setting and the file */
  constructor(options: TlsFilesOptions) {
    this.#options = options;
    try {
      this.#current = readMaterial(options.paths);
    } catch (error) {
      throw new StartError(`${options.setting}: ${(error as Error).message}`);
    }
    const { setting, logger, every } = options;
    this.#rereading = new Rereading({
      read: () => {
        const next = readMaterial(options.paths);
        return () => this.#take(next);
      },
      refuse: reason => logger.error({ setting, reason }, 'new certificates are refused: the old ones stay'),
      every,
    });
  }

  get current(): TlsMaterial {
    return this.#current;
  }

  /** Calls at each change, from the next on. Gives the function that ends it. */
  onChange(listener: (material: TlsMaterial) => void): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  async start(): Promise<void> {
    await this.#rereading.start();
  }

  async stop(): Promise<void> {
    await this.#rereading.stop();
  }

  /** Reads the files now. */
  look(): void {
    this.#rereading.look();
  }

  #take(next: TlsMaterial): void {
    const { setting, logger } = this.#options;
    if (fingerprint(next) === fingerprint(this.#current)) return;
    this.#current = next;
    const until = next.cert && new X509Certificate(next.cert).validTo;
    logger.info({ setting, ...(until !== undefined && { until }) }, 'new certificates are in use');
    for (const listener of this.#listeners) listener(next);
  }
}

/** @throws Error that names the file */
function readMaterial({ certFile, keyFile, caFile }: TlsPaths): TlsMaterial {
  const [cert, key, ca] = [certFile, keyFile, caFile].map(path => path && readPem(path));
  if (ca) for (const one of certificatesOf(ca)) parse(one, String(caFile));
  if (cert && key) {
    const certificate = parse(cert, String(certFile));
    if (Date.parse(certificate.validTo) <= Date.now()) {
      throw new Error(`the certificate in ${certFile} has expired on ${certificate.validTo}`);
    }
    if (!certificate.checkPrivateKey(privateKey(key, String(keyFile)))) {
      throw new Error(`the key in ${keyFile} is not that of the certificate in ${certFile}`);
    }
  }
  return { ...(cert && { cert }), ...(key && { key }), ...(ca && { ca }) };
}

function readPem(path: string): Buffer {
  try {
    return readFileSync(path);
  } catch (error) {
    throw new Error(`cannot read ${path}: ${(error as NodeJS.ErrnoException).code}`);
  }
}

function certificatesOf(pem: Buffer): readonly string[] {
  const found = pem.toString().match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  return found ?? [''];
}

function parse(pem: Buffer | string, path: string): X509Certificate {
  try {
    return new X509Certificate(pem);
  } catch {
    throw new Error(`${path} holds no certificate in PEM form`);
  }
}

function privateKey(pem: Buffer, path: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    // The error's own text could show a piece of the key.
    throw new Error(`${path} holds no private key in PEM form without a passphrase`);
  }
}

function fingerprint({ cert, key, ca }: TlsMaterial): string {
  const hash = createHash('sha256');
  for (const part of [cert, key, ca]) hash.update(part ?? '').update('\0');
  return hash.digest('hex');
}
