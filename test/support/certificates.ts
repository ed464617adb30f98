import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Pair {
  readonly certFile: string;
  readonly keyFile: string;
}

export interface CertificateOptions {
  readonly dns?: readonly string[];
  readonly ip?: readonly string[];
  readonly uri?: readonly string[];
  /** From when and until when, as openssl writes times: `20200101000000Z`. Default: now, for a day. */
  readonly valid?: readonly [from: string, until: string];
}

/** For node:test's `skip`: false where openssl is there. */
export function opensslSkip(): string | false {
  try {
    execFileSync('openssl', ['version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'openssl is not installed';
  }
}

/** A certificate authority of its own in a folder of its own; `openssl` makes everything. */
export class Authority {
  readonly folder = mkdtempSync(join(tmpdir(), 'cronmesh-ca-'));
  readonly caFile = join(this.folder, 'ca.crt');
  readonly #keyFile = join(this.folder, 'ca.key');
  #made = 0;

  constructor(name = 'Cronmesh test CA') {
    openssl(
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'],
      [
        ...['-subj', `/CN=${name}`, '-keyout', this.#keyFile, '-out', this.caFile],
        ...['-addext', 'keyUsage=critical,keyCertSign,cRLSign'],
      ],
    );
  }

  /** @param name of the files, and the certificate's common name */
  issue(name: string, options: CertificateOptions = {}): Pair {
    const base = join(this.folder, `${this.#made++}-${name.replaceAll(/[^a-z0-9-]/gi, '_')}`);
    const [certFile, keyFile, request, extensions] = [`${base}.crt`, `${base}.key`, `${base}.csr`, `${base}.ext`];
    const names = [
      ...(options.dns ?? []).map(one => `DNS:${one}`),
      ...(options.ip ?? []).map(one => `IP:${one}`),
      ...(options.uri ?? []).map(one => `URI:${one}`),
    ];
    const lines = ['basicConstraints=CA:FALSE', 'extendedKeyUsage=serverAuth,clientAuth'];
    if (names.length > 0) lines.push(`subjectAltName=${names.join(',')}`);
    writeFileSync(extensions, `${lines.join('\n')}\n`);
    openssl(
      ['req', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', `/CN=${name}`],
      [...['-keyout', keyFile, '-out', request]],
    );
    const [from, until] = options.valid ?? [];
    if (from === undefined || until === undefined) {
      openssl(
        ['x509', '-req', '-in', request, '-CA', this.caFile, '-CAkey', this.#keyFile, '-CAcreateserial'],
        [...['-days', '1', '-extfile', extensions, '-out', certFile]],
      );
    } else this.#sign(base, { request, extensions, certFile, from, until });
    return { certFile, keyFile };
  }

  master(): Pair {
    return this.issue('cronmesh-master', { dns: ['cronmesh-master', 'localhost'], ip: ['127.0.0.1'] });
  }

  worker(name: string): Pair {
    return this.issue(name, { uri: [`spiffe://cronmesh.test/worker/${name}`], dns: ['localhost'], ip: ['127.0.0.1'] });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  /** `openssl x509` of version 3.0 knows days alone: certificates of other times are made by `openssl ca`. */
  #sign(
    base: string,
    given: { request: string; extensions: string; certFile: string; from: string; until: string },
  ): void {
    const config = `${base}.cnf`;
    writeFileSync(`${base}.index`, '');
    writeFileSync(`${base}.serial`, '1000\n');
    writeFileSync(
      config,
      [
        '[ca]\ndefault_ca = own',
        `[own]\ndatabase = ${base}.index\nserial = ${base}.serial\nnew_certs_dir = ${this.folder}`,
        'default_md = sha256\npolicy = any\n[any]\ncommonName = supplied',
      ].join('\n'),
    );
    openssl(
      ['ca', '-batch', '-config', config, '-cert', this.caFile, '-keyfile', this.#keyFile, '-notext'],
      [
        ...['-in', given.request, '-extfile', given.extensions, '-out', given.certFile],
        ...['-startdate', given.from, '-enddate', given.until],
      ],
    );
  }
}

function openssl(first: readonly string[], rest: readonly string[]): void {
  execFileSync('openssl', [...first, ...rest], { stdio: ['ignore', 'ignore', 'pipe'] });
}
