// `npm run bench [NAME…]`: every figure as a ratio against a peer or a bare client, measured side by side in one run.
import { benchClaims } from './claims.ts';
import { benchEngine } from './engine.ts';
import type { Figure } from './figure.ts';
import { benchReports } from './reports.ts';
import { benchStore } from './store.ts';

const benches: Readonly<Record<string, () => Promise<Figure[]>>> = {
  engine: benchEngine,
  claims: benchClaims,
  store: benchStore,
  reports: benchReports,
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter(name => !(name in benches));
if (unknown.length > 0) {
  process.stderr.write(`unknown: ${unknown.join(', ')}; there are ${Object.keys(benches).join(', ')}\n`);
  process.exit(2);
}
for (const [name, bench] of Object.entries(benches)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  process.stdout.write(`${name}\n`);
  for (const figure of await bench()) {
    process.stdout.write(
      `  ${figure.ratio.toPrecision(3).padStart(8)}  ${figure.unit.padEnd(28)} ${figure.name}: ${figure.detail}\n`,
    );
  }
}
