import { readFileSync } from 'node:fs';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { Client } from './client.ts';
import { CliError, explain } from './errors.ts';
import { type Format, formats } from './output/structured.ts';

/** Options that every client command has. */
export interface ClientOptions {
  readonly server: string;
  readonly cacert?: string;
  /** As it was given; commands fall back to `default`. */
  readonly namespace?: string;
}

/** A command that talks to a server: adds `--server` and `--namespace`. */
export function clientCommand(parent: Command, nameAndArguments: string): Command {
  return parent
    .command(nameAndArguments)
    .addOption(
      new Option('-s, --server <url>', 'the server to talk to')
        .env('CRONMESH_SERVER')
        .default('http://127.0.0.1:8080')
        .helpGroup('Connection:'),
    )
    .addOption(
      new Option('--cacert <file>', 'the CA of an https server, beside those that Node.js trusts')
        .env('CRONMESH_CACERT')
        .helpGroup('Connection:'),
    )
    .addOption(new Option('-n, --namespace <name>', 'the namespace (default: "default")').helpGroup('Connection:'));
}

export function outputOption(only: readonly Format[] = formats): Option {
  return new Option('-o, --output <format>', 'how to print it').choices(only).default(only[0]);
}

/** A whole number in a range, for an option's value. */
export function wholeNumber(least: number, most: number) {
  return (value: string): number => {
    const number = Number(value);
    if (/^\d+$/.test(value) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`must be a whole number from ${least} to ${most}.`);
  };
}

/** Where a job is: `name` in the namespace of the options, or `namespace/name`. */
export function jobOf(reference: string, options: ClientOptions): { namespace: string; name: string } {
  const [first = '', second, ...more] = reference.split('/');
  if (more.length > 0 || first === '' || second === '') {
    throw new CliError(`${JSON.stringify(reference)} is no job: give a name, or namespace/name`, { status: 2 });
  }
  if (second === undefined) return { namespace: options.namespace ?? 'default', name: first };
  if (options.namespace !== undefined && options.namespace !== first) {
    throw new CliError(`${reference} is not in the namespace ${options.namespace} that --namespace names`, {
      status: 2,
    });
  }
  return { namespace: first, name: second };
}

/** The path of a job in the API. */
export function jobPath(job: { readonly namespace: string; readonly name: string }): string {
  return `/api/v1/namespaces/${encodeURIComponent(job.namespace)}/jobs/${encodeURIComponent(job.name)}`;
}

/** The path of a calendar in the API. */
export function calendarPath(calendar: { readonly namespace: string; readonly name: string }): string {
  return `/api/v1/namespaces/${encodeURIComponent(calendar.namespace)}/calendars/${encodeURIComponent(calendar.name)}`;
}

/** Gives a command its work. Errors become lines on standard error and the exit status, never a stack trace. */
export function action<A extends readonly unknown[]>(work: (...given: A) => Promise<void>) {
  return async (...given: A): Promise<void> => {
    try {
      await work(...given);
    } catch (error) {
      fail(error);
    }
  };
}

/** Its token comes from `CRONMESH_TOKEN`: the command line is for everybody of the machine to read. @throws CliError */
export function clientOf(options: ClientOptions): Client {
  if (options.cacert !== undefined && options.cacert !== '') trust(options.cacert);
  return new Client(options.server, process.env.CRONMESH_TOKEN);
}

function trust(file: string): void {
  try {
    setDefaultCACertificates([...getCACertificates('default'), readFileSync(file, 'utf8')]);
  } catch (error) {
    throw new CliError(`--cacert ${file} cannot be used: ${(error as Error).message}`, { status: 2 });
  }
}

/** Reports an error and goes on; the highest status is the process's. */
export function fail(error: unknown): void {
  const { status, lines } = explain(error);
  const [first = 'failed', ...rest] = lines;
  process.stderr.write([`cronmesh: ${first}`, ...rest, ''].join('\n'));
  process.exitCode = Math.max(Number(process.exitCode ?? 0), status);
}

export function print(text: string): void {
  process.stdout.write(text);
}
