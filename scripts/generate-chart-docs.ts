// Writes the tables of helm/cronmesh/README.md anew from the comments of its values.yaml.
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { chartReadme } from './chart/readme.ts';

const chart = fileURLToPath(new URL('../helm/cronmesh', import.meta.url));
writeFileSync(`${chart}/README.md`, chartReadme(chart));
