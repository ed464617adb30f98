// Known vulnerabilities in what is installed, by the registry's list: `npm run audit`. Fails on high and critical ones.
// Without a registry that answers it says so and succeeds, unless CRONMESH_AUDIT=strict asks for an answer.
import { spawnSync } from 'node:child_process';

interface Answer {
  readonly error?: { readonly code?: string; readonly summary?: string };
  readonly message?: string;
  readonly vulnerabilities?: Readonly<Record<string, { readonly severity: string; readonly range: string }>>;
}

const grave = new Set(['high', 'critical']);
const { stdout } = spawnSync('npm', ['audit', '--json', '--omit=dev'], { encoding: 'utf8' });

function parse(text: string): Answer {
  try {
    return JSON.parse(text) as Answer;
  } catch {
    return { message: text.trim().split('\n')[0] ?? '' };
  }
}

const { vulnerabilities, error, message } = parse(stdout);
if (vulnerabilities === undefined) {
  const why = error?.summary ?? error?.code ?? message ?? '';
  process.stderr.write(`audit: not done, the registry gave no answer${why === '' ? '' : ` (${why})`}\n`);
  process.exitCode = process.env.CRONMESH_AUDIT === 'strict' ? 1 : 0;
} else {
  const found = Object.entries(vulnerabilities);
  for (const [name, { severity, range }] of found) process.stdout.write(`${severity}: ${name} ${range}\n`);
  process.stdout.write(`audit: ${found.length} of the packages in use have known vulnerabilities\n`);
  if (found.some(([, { severity }]) => grave.has(severity))) process.exitCode = 1;
}
