import { parseSchedule } from '../../domain/schedule/index.ts';

/** What the environment lines so far mean for the jobs below them. */
export interface JobEnvironment {
  readonly timeZone?: string;
  readonly interpreter?: string;
  readonly workingDirectory?: string;
  readonly variables: Readonly<Record<string, string>>;
}

/** Variables that speak to cron itself, and why they are not carried over. */
const ofCron: Readonly<Record<string, string>> = {
  MAILTO: 'mail is not sent: the output of a run is kept in its log',
  MAILFROM: 'mail is not sent: the output of a run is kept in its log',
  CONTENT_TYPE: 'mail is not sent: the output of a run is kept in its log',
  CONTENT_TRANSFER_ENCODING: 'mail is not sent: the output of a run is kept in its log',
  RANDOM_DELAY: 'is not carried over: jobs start at their tick; H in a schedule spreads them',
  START_HOURS_RANGE: 'is not carried over: it speaks to anacron',
};

/** Follows the environment lines of a crontab. Each holds for the lines below it, until it is set again. */
export class CrontabEnvironment {
  readonly #variables = new Map<string, string>();
  readonly #defaultTimeZone: string | undefined;
  #timeZone: string | undefined;
  #wrongTimeZone: string | undefined;

  constructor(defaultTimeZone: string | undefined) {
    this.#defaultTimeZone = defaultTimeZone;
    this.#timeZone = defaultTimeZone;
  }

  /** Takes a line over; gives what of it cannot be carried over, if anything. */
  set(name: string, value: string): string | undefined {
    if (name === 'CRON_TZ') return this.#setTimeZone(value);
    const reason = ofCron[name];
    // An empty MAILTO asks for just what happens.
    if (reason !== undefined) return name === 'MAILTO' && value === '' ? undefined : `${name}: ${reason}`;
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name)) return `${name} is not carried over: it is no name for a variable`;
    if ((name === 'SHELL' || name === 'HOME') && !value.startsWith('/')) {
      return `${name} is not carried over: ${JSON.stringify(value)} is no absolute path`;
    }
    this.#variables.set(name, value);
    if (name === 'TZ') return 'TZ is passed to the commands only, as cron does: CRON_TZ sets the zone of schedules';
    return undefined;
  }

  /** For a job line here. @throws Error when the zone above it is unknown */
  current(): JobEnvironment {
    if (this.#wrongTimeZone !== undefined) throw new Error(this.#wrongTimeZone);
    const variables = Object.fromEntries(this.#variables);
    return {
      ...(this.#timeZone !== undefined && { timeZone: this.#timeZone }),
      ...(variables.SHELL !== undefined && { interpreter: variables.SHELL }),
      // Cron starts every command in its HOME.
      ...(variables.HOME !== undefined && { workingDirectory: variables.HOME }),
      variables,
    };
  }

  #setTimeZone(value: string): string | undefined {
    this.#wrongTimeZone = undefined;
    this.#timeZone = value === '' ? this.#defaultTimeZone : value;
    if (value === '') return undefined;
    try {
      parseSchedule('@manually', { timeZone: value });
      return undefined;
    } catch (error) {
      // The jobs below would run at other times than they should.
      this.#wrongTimeZone = (error as Error).message;
      return this.#wrongTimeZone;
    }
  }
}
