import type { Command } from 'commander';
import { findPresent } from '../apply/plan.ts';
import { action, type ClientOptions, calendarPath, clientCommand, clientOf, jobOf, print } from '../command.ts';
import { read } from '../manifests/files.ts';
import type { CalendarView } from '../views.ts';

interface ImportOptions extends ClientOptions {
  readonly name: string;
  readonly from?: string;
  readonly to?: string;
  readonly tz?: string;
}

/** `calendar import FILE.ics --name NAME`: makes a calendar of an iCalendar file, or replaces what it holds. */
export function addCalendarCommands(program: Command): void {
  const calendar = program.command('calendar').description('calendars: times that jobs exclude or require');
  clientCommand(calendar, 'import')
    .description('make a calendar of an iCalendar file (.ics), or replace what it holds')
    .argument('<file>', 'the file, or - for standard input')
    .requiredOption('--name <name>', 'of the calendar, or namespace/name')
    .option('--from <date>', 'events from then on (default: a year ago)')
    .option('--to <date>', 'events up to then (default: five years ahead)')
    .option('--tz <zone>', 'of dates, and of times without a zone (default: what the file says, or UTC)')
    .action(
      action(async (file: string, options: ImportOptions) => {
        const client = clientOf(options);
        const place = jobOf(options.name, options);
        const text = await read(file);
        const before = await findPresent(client, { kind: 'calendar', ...place });
        const { status, body } = await client.send('POST', `${calendarPath(place)}/import`, {
          body: text,
          query: { from: options.from, to: options.to, timeZone: options.tz },
          headers: { 'content-type': 'text/calendar' },
        });
        const { metadata, spec } = body as CalendarView;
        const same = metadata.revision === before?.metadata.revision;
        const outcome = status === 201 ? 'created' : same ? 'unchanged' : 'configured';
        const holds = `${spec.dates.length} dates, ${spec.ranges.length} ranges`;
        print(`calendar ${metadata.namespace}/${metadata.name} ${outcome}: ${holds}\n`);
      }),
    );
}
