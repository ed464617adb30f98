import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { Authority, opensslSkip } from '../../../test/support/certificates.ts';
import { workerOf } from './identity.ts';

describe('workerOf', { skip: opensslSkip() }, () => {
  const authority = new Authority();
  after(() => authority.remove());
  const subject = (uri: readonly string[], dns: readonly string[] = []) => {
    const { certFile } = authority.issue('whoever', { uri, dns });
    return { subjectaltname: String(new X509Certificate(readFileSync(certFile)).subjectAltName) };
  };

  it('reads the name in the one URI of a worker', () => {
    assert.equal(workerOf(subject(['spiffe://cluster.local/worker/pod-7.b'], ['localhost'])), 'pod-7.b');
    assert.equal(workerOf(subject(['https://example.org/', 'spiffe://x/worker/a'])), 'a');
  });

  it('finds no name where there is none, or more than one', () => {
    assert.equal(workerOf(undefined), undefined);
    assert.equal(workerOf(subject([], ['a'])), undefined);
    assert.equal(workerOf(subject(['spiffe://x/worker/a', 'spiffe://x/worker/b'])), undefined);
    for (const uri of ['spiffe://x/master/a', 'spiffe://x/worker/a/b', 'spiffe://x/y/worker/a', 'spiffe://x/worker/']) {
      assert.equal(workerOf(subject([uri])), undefined, uri);
    }
  });

  it('is not taken in by a name that looks like two', () => {
    const text = 'DNS:"a, URI:spiffe://x/worker/victim", DNS:b';
    assert.equal(workerOf({ subjectaltname: text }), undefined);
    assert.equal(workerOf({ subjectaltname: `${text}, URI:spiffe://x/worker/me` }), 'me');
  });
});
