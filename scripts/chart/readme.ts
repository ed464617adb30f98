import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { valuesTables } from './values-docs.ts';

const mark = '<!-- Made from values.yaml by npm run generate:chart-docs: change the comments there. -->';

/**
 * The chart's README with the tables of its values.yaml in place of what stood below the mark.
 *
 * @param folder of the chart
 * @throws Error where README.md has no mark
 */
export function chartReadme(folder: string): string {
  const before = readFileSync(join(folder, 'README.md'), 'utf8').split(mark);
  if (before.length !== 2) throw new Error(`${folder}/README.md must hold this line once: ${mark}`);
  return `${before[0]}${mark}\n\n${valuesTables(readFileSync(join(folder, 'values.yaml'), 'utf8'))}\n`;
}
