import { execFileSync, spawn } from 'node:child_process';
import { delimiter } from 'node:path';
import { systemFolders } from '../../support/tools.ts';

const env = { ...process.env, PATH: systemFolders.join(delimiter) };

/** Runs a program to its end, with text for its standard input. @throws Error with what it said when its status is not 0 */
export async function command(program: string, args: readonly string[], input = ''): Promise<string> {
  const child = spawn(program, args, { env, stdio: ['pipe', 'pipe', 'pipe'] });
  let out = '';
  let said = '';
  child.stdout.on('data', chunk => {
    out += chunk;
  });
  child.stderr.on('data', chunk => {
    said += chunk;
  });
  child.stdin.on('error', () => {});
  child.stdin.end(input);
  const status = await new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  if (status !== 0) throw new Error(`${program} ${args.join(' ')}: status ${status}: ${said.trim()}\n${input}`);
  return out;
}

/** The same, blocking: for what is done while the process ends. */
export function commandSync(program: string, args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', env, stdio: ['ignore', 'pipe', 'pipe'] });
}
