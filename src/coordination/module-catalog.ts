import { z } from 'zod';

const entry = z.object({
  name: z.string(),
  description: z.string().optional(),
  schema: z.record(z.string(), z.unknown()).optional(),
});

const record = z.object({ v: z.literal(1), jobs: z.array(entry), executors: z.array(entry) });

/** What modules define, as their workers publish it under `cron/modules/`. */
export type ModuleCatalogRecord = z.output<typeof record>;

/** Undefined for what this version cannot read. */
export function readModuleCatalog(value: string): ModuleCatalogRecord | undefined {
  try {
    return record.parse(JSON.parse(value));
  } catch {
    return undefined;
  }
}
