#!/usr/bin/env node
import { buildProgram } from '../cli/program.ts';
import { ConfigError } from '../config/load.ts';
import { CronmeshError } from '../domain/errors.ts';
import { StartError, version } from './runtime.ts';

/** What the user can mend: status 2. */
const wrongInput: ReadonlySet<string> = new Set(['Conflict', 'InvalidInput']);

/** Loads a program only when it is asked for: the client commands start without it. Problems are one line and a status. */
function program<T extends readonly unknown[]>(load: () => Promise<(...options: T) => Promise<void>>) {
  return async (...options: T): Promise<void> => {
    try {
      await (await load())(...options);
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof StartError || error instanceof CronmeshError)) throw error;
      process.stderr.write(`cronmesh: ${error.message}\n`);
      process.exitCode = error instanceof CronmeshError && !wrongInput.has(error.code) ? 1 : 2;
    }
  };
}

await buildProgram({
  version,
  programs: {
    standalone: program(async () => (await import('./standalone.ts')).standalone),
    master: program(async () => (await import('./master.ts')).master),
    worker: program(async () => (await import('./worker.ts')).worker),
    operator: program(async () => (await import('./operator.ts')).operator),
    migrate: program(async () => (await import('./migrate.ts')).migrate),
  },
  backup: program(async () => (await import('./backup.ts')).backup),
  restore: program(async () => (await import('./backup.ts')).restore),
  readConfig: program(async () => (await import('./live-config.ts')).readConfig),
}).parseAsync();
