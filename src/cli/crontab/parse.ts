import { isSystemFormat } from './format.ts';

/** A job line. `text` is the line as it stands in the file. */
export interface JobLine {
  readonly kind: 'job';
  readonly line: number;
  readonly text: string;
  readonly schedule: string;
  /** Of the system format only. */
  readonly user?: string;
  /** Still with its percent signs. */
  readonly command: string;
  /** Cron was told not to log it: a `-` before the schedule. */
  readonly quiet: boolean;
  /** The comment right above it. */
  readonly comment?: string;
}

/** `NAME=value`: holds for the lines below it. Quotes around name and value are taken off. */
export interface EnvironmentLine {
  readonly kind: 'environment';
  readonly line: number;
  readonly text: string;
  readonly name: string;
  readonly value: string;
}

/** A line that is neither. */
export interface UnreadableLine {
  readonly kind: 'unreadable';
  readonly line: number;
  readonly text: string;
  readonly message: string;
}

export type CrontabLine = JobLine | EnvironmentLine | UnreadableLine;

export interface CrontabOptions {
  /** Whether job lines name a user behind the schedule, as in /etc/crontab and /etc/cron.d. Default `auto`: look at them. */
  readonly system?: boolean | 'auto' | undefined;
}

export interface Crontab {
  readonly system: boolean;
  /** Comments and empty lines are left out. */
  readonly lines: readonly CrontabLine[];
}

const environment = /^(?:"([^"]*)"|'([^']*)'|([^\s="']+))\s*=\s*(.*)$/;

/**
 * Reads a crontab as Vixie cron and cronie do. It does not judge schedules.
 *
 * @example parseCrontab('MAILTO=ops\n0 5 * * * backup').lines
 */
export function parseCrontab(content: string, options: CrontabOptions = {}): Crontab {
  const texts = content.replace(/^\uFEFF/, '').split(/\r?\n/);
  const wanted = options.system ?? 'auto';
  const system = wanted === 'auto' ? isSystemFormat(texts) : wanted;
  const lines: CrontabLine[] = [];
  let comment: string[] = [];
  for (const [index, text] of texts.entries()) {
    const trimmed = text.trim();
    if (trimmed.startsWith('#')) {
      comment.push(trimmed);
      continue;
    }
    if (trimmed !== '') lines.push(parseLine(text, index + 1, system, describe(comment)));
    comment = [];
  }
  return { system, lines };
}

function parseLine(text: string, line: number, system: boolean, comment: string | undefined): CrontabLine {
  const assignment = environment.exec(text.trim());
  if (assignment) {
    const [, double, single, bare, value = ''] = assignment;
    return { kind: 'environment', line, text, name: double ?? single ?? bare ?? '', value: unquote(value) };
  }
  const trimmed = text.trimStart();
  const quiet = trimmed.startsWith('-');
  const words = quiet ? trimmed.slice(1) : trimmed;
  const { schedule, rest } = splitWords(words, words.startsWith('@') ? macroWords(words) : 5);
  if (schedule === undefined) {
    return {
      kind: 'unreadable',
      line,
      text,
      message: 'is neither NAME=value nor a job: a job has five time fields (or a macro such as @daily) and a command',
    };
  }
  const { schedule: user, rest: command } = system ? splitWords(rest, 1) : { schedule: undefined, rest };
  if (command === '') {
    const message = system ? 'has no command behind the schedule and the user' : 'has no command behind the schedule';
    return { kind: 'unreadable', line, text, message };
  }
  return {
    kind: 'job',
    line,
    text,
    schedule,
    ...(user !== undefined && { user }),
    command,
    quiet,
    ...(comment !== undefined && { comment }),
  };
}

/** `@every 5m` and `@at …` take a word more. */
function macroWords(text: string): number {
  return /^@(every|at)\s/i.test(text) ? 2 : 1;
}

/** The first words, and what is behind them as it stands. */
function splitWords(text: string, count: number): { schedule: string | undefined; rest: string } {
  const found = new RegExp(`^(?:\\S+\\s+){${count - 1}}\\S+`).exec(text);
  return { schedule: found?.[0], rest: found ? text.slice(found[0].length).trimStart() : '' };
}

/** Matching quotes keep blanks at the ends; without them cron trims. */
function unquote(value: string): string {
  const quoted = /^(["'])(.*)\1$/.exec(value);
  return quoted?.[2] ?? value;
}

/** The words of a comment; without rulers, table heads and lines that were commented out. */
function describe(comment: readonly string[]): string | undefined {
  const words = comment
    .map(line => line.replace(/^#+\s*/, '').trim())
    .filter(line => /^\p{L}/u.test(line) && !/^m(in\w*)?\s+h/i.test(line) && !environment.test(line));
  return words.length > 0 ? words.join('\n') : undefined;
}
