import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { History } from '../history/history.ts';

/** Reads a folder of the harness. @throws Error that names the file, and the line, that can't be read */
export async function readHistory(folder: string): Promise<History> {
  const [run, edits, requests, starts, faults, probes, jobSets, seen, final] = await Promise.all([
    json<History['run']>(folder, 'run.json'),
    lines<History['edits'][number]>(folder, 'edits.jsonl'),
    lines<History['requests'][number]>(folder, 'requests.jsonl'),
    lines<History['starts'][number]>(folder, 'starts.jsonl'),
    lines<History['faults'][number]>(folder, 'faults.jsonl'),
    lines<History['probes'][number]>(folder, 'probes.jsonl'),
    lines<History['jobSets'][number]>(folder, 'job-sets.jsonl'),
    lines<History['seen'][number]>(folder, 'seen.jsonl'),
    json<History['final']>(folder, 'final.json'),
  ]);
  return { run, edits, requests, starts, faults, probes, jobSets, seen, final };
}

async function json<T>(folder: string, name: string): Promise<T> {
  return parse<T>(await readFile(join(folder, name), 'utf8'), name);
}

/** One value a line. Whoever writes may be cut off in the middle of its last line: that one is left out. */
async function lines<T>(folder: string, name: string): Promise<T[]> {
  const text = await readFile(join(folder, name), 'utf8');
  const all = text.split('\n');
  const torn = all.pop() ?? '';
  const whole = all.filter(line => line !== '').map((line, i) => parse<T>(line, `${name}:${i + 1}`));
  try {
    return torn === '' ? whole : [...whole, JSON.parse(torn) as T];
  } catch {
    return whole;
  }
}

function parse<T>(text: string, where: string): T {
  try {
    return JSON.parse(text) as T;
  } catch (error) {
    throw new Error(`${where} is no JSON: ${text.slice(0, 80)}`, { cause: error });
  }
}
