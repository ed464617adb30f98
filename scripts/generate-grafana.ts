// Writes the dashboards of deploy/grafana anew from scripts/grafana.
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { dashboards, dashboardText, folder } from './grafana/dashboards.ts';

mkdirSync(folder, { recursive: true });
for (const [name, dashboard] of dashboards()) writeFileSync(join(folder, name), dashboardText(dashboard));
