// Appends to the spool of the folder given until it is killed, and tells its parent what is durable.
import type { JobUid } from '../../src/domain/job/job.ts';
import type { RunId, WorkerId } from '../../src/domain/run/run.ts';
import { openFileSpool } from '../../src/worker/reporting/file-spool.ts';

const worker = 'worker-1' as WorkerId;
const spool = await openFileSpool({ worker, directory: process.argv[2] ?? '', segmentBytes: 64 * 1024 });
let next = spool.firstUnacknowledged + spool.depth - 1;

async function write(): Promise<void> {
  for (;;) {
    const sequence = next++;
    const reference = { run: 'abc-1' as RunId, attempt: 1, jobUid: 'abc' as JobUid, namespace: 'default', name: 'x' };
    await spool.append([
      {
        ...reference,
        trigger: 'tick',
        type: 'output',
        sequence,
        stream: 'stdout',
        at: 1,
        text: 'x'.repeat(sequence % 97),
      },
    ]);
    process.send?.(sequence);
  }
}
await Promise.all(Array.from({ length: 20 }, write));
