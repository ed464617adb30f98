import { createHash } from 'node:crypto';

const longest = 48;
/** Programs that only run another one, with the options of theirs that take a value. */
const wrappers: ReadonlyMap<string, RegExp | undefined> = new Map([
  ['nice', /^-n$/],
  ['ionice', /^-[cnp]$/],
  ['chrt', undefined],
  ['timeout', /^-[ks]$/],
  ['flock', /^-[wE]$/],
  ['setlock', undefined],
  ['sudo', /^-[ugh]$/],
  ['env', /^-[uC]$/],
  ['nohup', undefined],
  ['exec', undefined],
  ['time', undefined],
  ['chronic', undefined],
  ['command', undefined],
]);
/** Of these the first word that is no option is what they work on, not what they run. */
const takesOneWord: ReadonlySet<string> = new Set(['timeout', 'flock', 'setlock', 'chrt']);
const interpreters = /^(sh|bash|dash|zsh|ksh|python[\d.]*|perl|ruby|node|php[\d.]*|java|Rscript|lua)$/;
/** They say nothing by themselves: their words do. */
const printers = /^(echo|printf|logger)$/;
/** A word that is no option, path or text: a subcommand. */
const speaking = /^[a-z][a-z0-9_.:-]*$/i;

/**
 * A readable name for a command: the program, or the script that an interpreter runs, and a subcommand where there is
 * one. It is a valid job name of at most 48 characters.
 *
 * @example nameOf('cd /srv && /usr/bin/php artisan schedule:run >> /dev/null') // 'artisan-schedule-run'
 */
export function nameOf(command: string): string {
  const words = programWords(mainPart(command));
  const name = slug(words.map(word => basename(word)).join('-'));
  return name === '' ? 'job' : name;
}

/** Names for jobs in file order: the first of a name keeps it, later ones get a hash of their line, equal lines a number. */
export class UniqueNames {
  readonly #taken = new Set<string>();

  take(base: string, line: string): string {
    const hash = createHash('sha256').update(line.replace(/\s+/g, ' ').trim()).digest('hex').slice(0, 5);
    let name = base;
    for (let count = 1; this.#taken.has(name); count++) {
      const suffix = count === 1 ? `-${hash}` : `-${hash}-${count}`;
      name = `${base.slice(0, longest - suffix.length).replace(/[-.]+$/, '')}${suffix}`;
    }
    this.#taken.add(name);
    return name;
  }
}

/** The part of a command line that is its point: not the tests, folders and waits before it, nor the pipe behind. */
function mainPart(command: string): string {
  const parts = command.split(/&&|\|\||;|\|/).map(part => part.trim().replace(/^(?:[({!]|do\s|then\s|else\s)\s*/, ''));
  const preparing =
    /^(cd|test|\[\[?|sleep|export|set|umask|\.|source|true|:|if|for|while|until|command -v|which)(\s|$)/;
  return parts.find(part => part !== '' && !preparing.test(part)) ?? parts[0] ?? '';
}

function programWords(part: string): string[] {
  const unquoted = part.replace(/["'`]/g, '').split(/\s+/);
  const words = unquoted.filter(word => word !== '' && !/^(\d*[<>]|&)/.test(word));
  let at = 0;
  const skipOptions = (valued: RegExp | undefined): void => {
    while (words[at]?.startsWith('-')) at += valued?.test(words[at] ?? '') ? 2 : 1;
  };
  for (;;) {
    while (/^\w+=/.test(words[at] ?? '')) at++;
    const program = basename(words[at] ?? '');
    if (at >= words.length - 1) return words.slice(at, at + 1);
    if (wrappers.has(program)) {
      at++;
      skipOptions(wrappers.get(program));
      if (takesOneWord.has(program)) at++;
      skipOptions(undefined);
    } else if (interpreters.test(program)) {
      const script = words.findIndex((word, index) => index > at && !word.startsWith('-'));
      // Code on the command line has no name.
      if (script < 0 || words.slice(at, script).some(word => /^-[cer]$/.test(word))) return [program];
      at = script;
    } else break;
  }
  const [program = '', next = ''] = words.slice(at);
  if (printers.test(basename(program))) return words.slice(at, at + 4);
  return speaking.test(next) && !/^(null|dev|tmp)$/.test(next) ? [program, next] : [program];
}

function basename(word: string): string {
  const last =
    word
      .replace(/["'`$()]/g, '')
      .replace(/\/+$/, '')
      .split('/')
      .at(-1) ?? '';
  return last.replace(/\.(sh|bash|py|pl|rb|js|mjs|ts|php|jar|r|lua)$/i, '');
}

function slug(text: string): string {
  const safe = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return safe.slice(0, longest).replace(/-+$/, '');
}
