import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it, type TestContext } from 'node:test';
import type { ReportBatch } from '../../src/domain/run/report.ts';
import { TlsFiles, type TlsPaths } from '../../src/main/tls/files.ts';
import { channelCredentials, serverCredentials } from '../../src/main/tls/grpc-credentials.ts';
import { ReportIngest } from '../../src/master/grpc/ingest.ts';
import { GrpcServer } from '../../src/master/grpc/server.ts';
import { silentLogger } from '../../src/observability/logger.ts';
import { grpcTransport } from '../../src/worker/reporting/grpc-transport.ts';
import { Authority, opensslSkip, type Pair } from '../support/certificates.ts';
import { handshake } from '../support/handshake.ts';
import { recordingLogger } from '../support/log-lines.ts';
import { eventually } from '../support/process.ts';
import { RecordingStore, someBatch } from '../support/reports.ts';

describe('mTLS on gRPC', { skip: opensslSkip() }, () => {
  const authority = new Authority();
  const other = new Authority('another CA');
  const folder = mkdtempSync(join(tmpdir(), 'cronmesh-mtls-'));
  after(() => {
    for (const one of [authority, other]) one.remove();
    rmSync(folder, { recursive: true, force: true });
  });
  const files = (paths: TlsPaths) => new TlsFiles({ setting: 'grpc.tls', paths, logger: silentLogger });

  async function setUp(t: TestContext, own: Pair = authority.master()) {
    const store = new RecordingStore();
    const { logger, lines } = recordingLogger();
    const ingest = new ReportIngest({ store, logger });
    const tls = new TlsFiles({ setting: 'grpc.tls', paths: { ...own, caFile: authority.caFile }, logger });
    const server = new GrpcServer({
      host: '127.0.0.1',
      port: 0,
      logger,
      ingest: (batch, options) => ingest.ingest(batch, options),
      credentials: serverCredentials(tls),
      identified: true,
    });
    await server.start();
    t.after(() => server.stop());
    const deliver = async (paths: TlsPaths, batch: ReportBatch, serverName = 'cronmesh-master') => {
      const transport = grpcTransport({
        target: `127.0.0.1:${server.port}`,
        credentials: channelCredentials(files(paths)),
        channelOptions: { 'grpc.ssl_target_name_override': serverName },
        acknowledgeTimeout: 1_500,
      });
      try {
        await transport.deliver(batch, AbortSignal.timeout(5_000));
        return 'taken';
      } catch (error) {
        return (error as Error).message;
      } finally {
        await transport.close();
      }
    };
    return { store, lines, tls, deliver, port: server.port };
  }
  const worker = (name: string) => ({ ...authority.worker(name), caFile: authority.caFile });
  const batchOf = (name: string) => someBatch(1, 3, `${name}-abcde`);

  it('takes the reports of a worker with its own certificate', async t => {
    const { deliver, store } = await setUp(t);
    assert.equal(await deliver(worker('w-1'), batchOf('w-1')), 'taken');
    assert.equal(store.numbers().length, 3);
  });

  it('refuses plain text, no certificate, a foreign and an expired one: logged once, others undisturbed', async t => {
    const { deliver, store, lines, port } = await setUp(t);
    const past = ['20200101000000Z', '20210101000000Z'] as const;
    const expired = authority.issue('w-1', { uri: ['spiffe://x/worker/w-1'], valid: past });
    const foreign = { ...other.worker('w-1'), caFile: authority.caFile };
    assert.notEqual(await deliver({}, batchOf('w-1')), 'taken');
    for (let i = 0; i < 2; i++) assert.notEqual(await deliver(foreign, batchOf('w-1')), 'taken');
    // A worker does not even start with it; what the server says of it, a raw client finds out.
    assert.throws(() => files({ ...expired, caFile: authority.caFile }), /has expired on Jan {2}1 00:00:00 2021/);
    for (const pair of [expired, undefined]) assert.match(await handshake(port, authority, pair), /^refused/);
    assert.equal(await handshake(port, authority, authority.worker('w-1')), 'connected');
    assert.equal(store.numbers().length, 0);
    assert.equal(await deliver(worker('w-1'), batchOf('w-1')), 'taken');
    const refused = lines.filter(line => /refused at the gRPC port/.test(line.msg)).map(line => line.reason);
    assert.deepEqual(refused, [...new Set(refused)], 'each reason once');
    assert.ok(refused.length >= 3, `${refused}`);
    for (const what of [/UNABLE_TO_VERIFY|SELF_SIGNED|SIGNATURE/, /CERT_HAS_EXPIRED/]) {
      assert.ok(
        refused.some(one => what.test(String(one))),
        `${what}: ${refused}`,
      );
    }
  });

  it('is not taken in by a master of another CA, or of another name', async t => {
    const wrongCa = await setUp(t, other.master());
    assert.match(await wrongCa.deliver(worker('w-1'), batchOf('w-1')), /no acknowledgement|broke/);
    const wrongName = await setUp(t, authority.worker('w-9'));
    assert.match(await wrongName.deliver(worker('w-1'), batchOf('w-1')), /no acknowledgement|broke/);
    assert.equal(wrongCa.store.numbers().length + wrongName.store.numbers().length, 0);
  });

  it('refuses reports in the name of another worker, and a certificate without a name', async t => {
    const { deliver, store, lines } = await setUp(t);
    for (let i = 0; i < 3; i++) {
      assert.match(await deliver(worker('w-1'), batchOf('w-2')), /are refused: the certificate is that of w-1/);
    }
    const nameless = { ...authority.issue('w-1', { dns: ['w-1'] }), caFile: authority.caFile };
    assert.match(await deliver(nameless, batchOf('w-1')), /PERMISSION_DENIED: the certificate names no worker/);
    assert.equal(store.numbers().length, 0);
    assert.equal(lines.filter(line => /are refused: the certificate is that of w-1/.test(line.msg)).length, 1);
  });

  it('takes renewed certificates without a restart, and refuses broken ones', async t => {
    const pair = { certFile: join(folder, 'tls.crt'), keyFile: join(folder, 'tls.key') };
    const put = ({ certFile, keyFile }: Pair) => {
      copyFileSync(certFile, pair.certFile);
      copyFileSync(keyFile, pair.keyFile);
    };
    put(other.worker('w-9'));
    const { deliver, tls, lines } = await setUp(t, pair);
    assert.notEqual(await deliver(worker('w-1'), batchOf('w-1')), 'taken');
    put(authority.master());
    tls.look();
    assert.equal(await deliver(worker('w-1'), batchOf('w-1')), 'taken');
    writeFileSync(pair.certFile, 'half a certificate');
    for (let i = 0; i < 3; i++) tls.look();
    copyFileSync(authority.master().certFile, pair.certFile);
    for (let i = 0; i < 3; i++) tls.look();
    assert.equal(await deliver(worker('w-1'), batchOf('w-1')), 'taken');
    const said = lines.filter(line => /new certificates/.test(line.msg)).map(line => line.reason ?? 'in use');
    assert.equal(said.length, 3, JSON.stringify(said));
    assert.equal(said[0], 'in use');
    assert.match(String(said[1]), /holds no certificate in PEM form/);
    assert.match(String(said[2]), /is not that of the certificate/);
  });

  it('reads the files by itself as they change', async () => {
    const pair = { certFile: join(folder, 'own.crt'), keyFile: join(folder, 'own.key') };
    const put = (from: Pair) => {
      copyFileSync(from.certFile, pair.certFile);
      copyFileSync(from.keyFile, pair.keyFile);
    };
    put(authority.master());
    const own = new TlsFiles({ setting: 'http.tls', paths: pair, logger: silentLogger, every: 20 });
    await own.start();
    const before = own.current.cert;
    put(authority.master());
    await eventually('the new ones', () => own.current.cert !== before, 5_000);
    await own.stop();
  });
});
