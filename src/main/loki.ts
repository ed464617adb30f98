import { Counter, type Registry } from 'prom-client';
import type { Config } from '../config/schema.ts';
import { copyLines, type Logger } from '../observability/logger.ts';
import type { LokiShipper } from '../observability/loki/shipper.ts';
import { fromZero, observedGauge } from '../observability/registry.ts';

/** Sends a logger's lines to Loki from now on; undefined where no Loki is set. Stop it last. @throws StartError */
export async function shipLogs(config: Config, program: string, logger: Logger): Promise<LokiShipper | undefined> {
  const { url } = config.logs.loki;
  if (url === undefined) return undefined;
  // What speaks HTTP is loaded only for it.
  const [{ lokiClient }, { LokiShipper }] = await Promise.all([
    import('./loki-client.ts'),
    import('../observability/loki/shipper.ts'),
  ]);
  const shipper = new LokiShipper({
    client: lokiClient(config, url, logger),
    program,
    onTrouble: (reason, dropped) => logger.warn({ component: 'loki', reason, dropped }, 'Loki does not take the log'),
  });
  copyLines(logger, line => shipper.take(line));
  await shipper.start();
  return shipper;
}

/** Whether output is archived: what the store has to know. */
export const archives = ({ logs: { loki } }: Config): boolean => loki.url !== undefined && loki.output;

/** What becomes of a process's own lines on their way to Loki. */
export function lokiMetrics(shipper: LokiShipper | undefined, registry: Registry): void {
  const registers = [registry];
  const results = ['accepted', 'refused', 'failed'] as const;
  const pushes = new Counter({
    name: 'cronmesh_loki_pushes_total',
    help: 'Requests to Loki with lines of this process: accepted, refused for good (at least in part), failed and repeated',
    labelNames: ['result'],
    registers,
    collect() {
      this.reset();
      for (const result of results) this.inc({ result }, shipper?.pushes[result] ?? 0);
    },
  });
  fromZero(pushes, 'result', results);
  new Counter({
    name: 'cronmesh_loki_dropped_total',
    help: 'Lines of this process that were not sent to Loki, since too many waited',
    registers,
    collect() {
      this.reset();
      this.inc(shipper?.dropped ?? 0);
    },
  });
  const help = 'Lines of this process that wait to be sent to Loki, in bytes of memory';
  observedGauge(registry, 'cronmesh_loki_waiting_bytes', help, () => shipper?.waitingBytes ?? 0);
}
