import { evaluate, type Layer } from './layers.ts';
import type { Config, Role } from './schema.ts';
import { settingsOf } from './settings.ts';
import { type Environment, environmentLayer } from './sources/env/env.ts';
import { fileLayer } from './sources/file/file.ts';
import { flagsLayer } from './sources/flags/flags.ts';

export { ConfigError } from './error.ts';

/** What is given to a process itself. */
export interface Given {
  /** A YAML file. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  /** Of the command line: `worker.capacity=20`. */
  readonly flags?: readonly string[] | undefined;
}

/**
 * Reads what a program was given: defaults, then the YAML file, then the environment, then flags. Without the servers
 * that can hold settings too: for these see `LiveConfig`.
 *
 * @throws ConfigError
 * @example loadConfig('master', { file: '/etc/cronmesh.yaml', environment: process.env })
 */
export function loadConfig(role: Role, given: Given): Config {
  return evaluate(role, givenLayers(role, given)).config;
}

/** @throws ConfigError for a file that cannot be read and names that are no settings */
export function givenLayers(role: Role, { file, environment, flags = [] }: Given): readonly Layer[] {
  const settings = settingsOf(role);
  return [
    ...(file === undefined ? [] : [fileLayer(file)]),
    environmentLayer(settings, environment),
    flagsLayer(settings, flags),
  ];
}
