import type { Command } from 'commander';
import { dump } from 'js-yaml';
import type { Instant } from '../../domain/time.ts';
import { action, type ClientOptions, clientCommand, clientOf, jobOf, jobPath, print } from '../command.ts';
import { CliError } from '../errors.ts';
import { formatLabels, formatRelative } from '../output/format.ts';
import { printable } from '../output/table.ts';
import { runTable, skipTable } from '../output/tables.ts';
import type { JobView, Page, RunView, SkipView, TicksView, WhyView } from '../views.ts';

/** `describe job NAME`: its definition, next ticks, last runs, and why ticks did not run; with `--at`, one line on one tick. */
export function addDescribeCommand(program: Command): void {
  clientCommand(program, 'describe')
    .description('show everything about a job: definition, next ticks, last runs, recent skips')
    .argument('<kind>', 'job')
    .argument('<name>', 'a name, or namespace/name')
    .option(
      '--at <time>',
      'say in one line why it did, or did not, run then: RFC 3339, or 03:00 or "2026-11-24 03:00" in the job’s zone',
    )
    .action(
      action(async (kind: string, name: string, options: ClientOptions & { at?: string }) => {
        if (!/^jobs?$/.test(kind)) {
          throw new CliError(`${JSON.stringify(kind)} cannot be described: describe job NAME`, { status: 2 });
        }
        const client = clientOf(options);
        const path = jobPath(jobOf(name, options));
        if (options.at !== undefined) {
          const { message } = await client.get<WhyView>(`${path}/why`, { at: options.at });
          return print(`${printable(message)}\n`);
        }
        const [job, ticks, runs, skips] = await Promise.all([
          client.get<JobView>(path),
          client.get<TicksView>(`${path}/next`, { count: 5 }),
          client.get<Page<RunView>>(`${path}/runs`, { limit: 5 }),
          client.get<Page<SkipView>>(`${path}/skips`, { limit: 10 }),
        ]);
        print(describeJob(job, ticks, runs.items, skips.items, Date.now()));
      }),
    );
}

function describeJob(
  job: JobView,
  ticks: TicksView,
  runs: readonly RunView[],
  skips: readonly SkipView[],
  now: Instant,
): string {
  const { metadata, spec, status } = job;
  const facts: [string, string][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', formatLabels(metadata.labels)],
    ['Uid', metadata.uid],
    ['Revision', `${metadata.revision}, changed ${formatRelative(status.updatedAt, now)}`],
    ['Created', `${metadata.creationTimestamp}, from ${status.source}`],
    ['Schedule', `${spec.schedule} (${ticks.timeZone})`],
    ['Suspended', spec.suspend ? 'yes' : 'no'],
    ['Fires after', status.floor],
  ];
  const problems = status.problems ?? [];
  const next = ticks.items.map(tick => `${tick}  ${formatRelative(tick, now)}`);
  return [
    ...facts.map(([label, value]) => `${`${label}:`.padEnd(13)}${printable(value)}\n`),
    ...(problems.length > 0 ? [section('Problems', indent(`${problems.map(printable).join('\n')}\n`))] : []),
    section('Spec', indent(dump(spec, { noRefs: true, lineWidth: -1 }))),
    section('Next ticks', next.length > 0 ? indent(`${next.join('\n')}\n`) : none(ticks.suspended ? 'suspended' : '')),
    section('Last runs', runs.length > 0 ? indent(runTable(runs, { wide: true, now })) : none('')),
    section('Ticks without a run', skips.length > 0 ? indent(skipTable(skips)) : none('')),
  ].join('');
}

const section = (title: string, body: string): string => `${title}:\n${body}`;
const none = (why: string): string => `  none${why === '' ? '' : ` (${why})`}\n`;
const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');
