import { CliError } from '../errors.ts';
import { type Converted, type ConvertOptions, NotConvertible } from './converted.ts';
import { convertCronicle } from './cronicle.ts';
import { convertDkron } from './dkron.ts';
import { convertKubernetes } from './kubernetes.ts';

const converters: Readonly<Record<string, typeof convertDkron>> = {
  kubernetes: convertKubernetes,
  dkron: convertDkron,
  cronicle: convertCronicle,
};

/**
 * Turns what another scheduler gave out into manifests.
 *
 * @param name the text's, for messages
 * @throws CliError with status 2 where it is not what it should be
 * @example convert('dkron', '[{"name": "a", …}]', 'jobs.json')
 */
export function convert(from: string, content: string, name: string, options: ConvertOptions = {}): Converted {
  const converter = converters[from];
  if (converter === undefined) throw new CliError(`there is no converter from ${from}`, { status: 2 });
  try {
    return converter(content, name, options);
  } catch (error) {
    if (!(error instanceof NotConvertible)) throw error;
    throw new CliError(error.message, { status: 2 });
  }
}
