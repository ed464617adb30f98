// A master's gRPC port alone, as a process of its own that can be killed. Each committed report is one line of the file given.
import { appendFileSync } from 'node:fs';
import { ReportIngest } from '../../src/master/grpc/ingest.ts';
import { GrpcServer } from '../../src/master/grpc/server.ts';
import { silentLogger } from '../../src/observability/logger.ts';

const file = process.argv[2] ?? '';
const ingest = new ReportIngest({
  logger: silentLogger,
  store: {
    runClaims: async () => new Map(),
    async applyReports(_, reports) {
      appendFileSync(file, reports.map(report => `${report.at}\n`).join(''));
    },
  },
});
const server = new GrpcServer({
  host: '127.0.0.1',
  port: 0,
  logger: silentLogger,
  ingest: batch => ingest.ingest(batch),
});
await server.start();
process.send?.(server.port);
process.on('disconnect', () => process.exit());
