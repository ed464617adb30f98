import { readFileSync } from 'node:fs';
import { connect } from 'node:tls';
import type { Authority, Pair } from './certificates.ts';

/** What becomes of a bare TLS connection to a gRPC port of 127.0.0.1 with a certificate: `connected`, or `refused…`. */
export async function handshake(port: number, { caFile }: Authority, pair?: Pair): Promise<string> {
  const identity = pair && { cert: readFileSync(pair.certFile), key: readFileSync(pair.keyFile) };
  const socket = connect({ port, host: '127.0.0.1', ca: readFileSync(caFile), ALPNProtocols: ['h2'], ...identity });
  return await new Promise(resolve => {
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(`refused: ${error.code}`));
    // TLS 1.3: the client is done before the server has looked at its certificate; then come the server's settings.
    socket.once('data', () => resolve('connected'));
    socket.once('close', () => resolve('refused'));
  }).then(said => {
    socket.destroy();
    return said as string;
  });
}
