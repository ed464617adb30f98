/**
 * The percent signs of a crontab's command, as Vixie cron reads them: the first one that has no backslash ends the
 * command, what follows is its standard input, where each further one is a line end. `\%` is a percent sign.
 */
export interface CommandText {
  readonly command: string;
  /** Ends in a line end, which cron adds. Absent without a percent sign, and with nothing behind it. */
  readonly stdin?: string;
}

/** Takes a command apart. */
export function splitCommand(text: string): CommandText {
  const percent = /^(?:[^\\%]|\\[\s\S]|\\$)*?%/.exec(text);
  const end = percent ? percent[0].length - 1 : text.length;
  const command = text.slice(0, end).replace(/\\([\s\S])/g, (pair, next) => (next === '%' ? '%' : pair));
  const rest = text.slice(end + 1);
  if (rest === '') return { command };
  const stdin = rest.replace(/\\%|%/g, found => (found === '%' ? '\n' : '%'));
  return { command, stdin: stdin.endsWith('\n') ? stdin : `${stdin}\n` };
}

/**
 * Writes a command for a crontab; undefined where there is no way to write it: a command of several lines, or a
 * backslash right before a percent sign, a line end of the standard input, or its beginning.
 */
export function joinCommand({ command, stdin }: CommandText): string | undefined {
  if (/[\r\n]/.test(command)) return undefined;
  const escaped = command.replaceAll('%', '\\%');
  const text = stdin
    ? `${escaped}%${stdin
        .replace(/(?<=[^\n])\n$/, '')
        .replaceAll('%', '\\%')
        .replaceAll('\n', '%')}`
    : escaped;
  const back = splitCommand(text);
  const expected = stdin === undefined || stdin === '' || stdin.endsWith('\n') ? stdin || undefined : `${stdin}\n`;
  return back.command === command && back.stdin === expected ? text : undefined;
}
