import { Option } from 'commander';

/** Options of the commands that read manifests. */
export interface FilenameOptions {
  readonly filename: string[];
  readonly recursive?: true;
}

export function filenameOption(): Option {
  return new Option(
    '-f, --filename <path...>',
    'manifests: YAML or JSON files, folders, or - for standard input; may be given again',
  ).makeOptionMandatory();
}

export function recursiveOption(): Option {
  return new Option('-R, --recursive', 'folders with the folders in them');
}

export function pruneOptions(): readonly Option[] {
  return [
    new Option(
      '--prune',
      'delete the jobs that -l selects in these namespaces and no manifest names (source api only)',
    ),
    new Option('-l, --selector <labels...>', 'with --prune: labels that a job must have to be deleted, key=value'),
  ];
}
