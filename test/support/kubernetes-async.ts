import { execFile } from 'node:child_process';
import type { TestContext } from 'node:test';

/** Runs kubectl, while the rest of the process goes on. @returns what it printed @throws with what it printed to standard error */
export function kubectl(args: readonly string[], input?: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile('kubectl', args, { maxBuffer: 64 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error) reject(new Error(`kubectl ${args.join(' ')}: ${stderr || error.message}`));
      else resolve(stdout);
    });
    child.stdin?.end(input ?? '');
  });
}

let count = 0;

/** A namespace of this test's own, deleted after it. */
export async function temporaryNamespace(prefix: string, t?: Pick<TestContext, 'after'>): Promise<string> {
  const name = `${prefix}-${process.pid}-${(count++).toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  await kubectl(['create', 'namespace', name]);
  t?.after(() => kubectl(['delete', 'namespace', name, '--wait=false']));
  return name;
}
