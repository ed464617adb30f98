import type { Command } from 'commander';
import { dump } from 'js-yaml';
import type { Instant } from '../../domain/time.ts';
import type { Client } from '../client.ts';
import { action, type ClientOptions, clientCommand, clientOf, jobOf, jobPath, print } from '../command.ts';
import { CliError } from '../errors.ts';
import { chainTree } from '../output/chain.ts';
import { formatLabels, formatRelative, runResult, runState } from '../output/format.ts';
import { printable } from '../output/table.ts';
import { runTable, skipTable } from '../output/tables.ts';
import type { ChainLinksView, ChainLinkView, JobView, Page, RunView, SkipView, TicksView, WhyView } from '../views.ts';

/**
 * `describe job NAME`: its definition, next ticks, last runs, and why ticks did not run; with `--at`, one line on one tick.
 * `describe run ID`: what became of it, and the chain that it belongs to.
 */
export function addDescribeCommand(program: Command): void {
  clientCommand(program, 'describe')
    .description(
      'show everything about a job (definition, next ticks, last runs, recent skips), or about a run and its chain',
    )
    .argument('<kind>', 'job or run')
    .argument('<name>', 'a name, or namespace/name; or the id of a run')
    .option(
      '--at <time>',
      'say in one line why it did, or did not, run then: RFC 3339, or 03:00 or "2026-11-24 03:00" in the job’s zone',
    )
    .action(
      action(async (kind: string, name: string, options: ClientOptions & { at?: string }) => {
        const client = clientOf(options);
        if (/^runs?$/.test(kind)) return print(await describeRun(client, name, Date.now()));
        if (!/^jobs?$/.test(kind)) {
          throw new CliError(`${JSON.stringify(kind)} cannot be described: describe job NAME, or run ID`, {
            status: 2,
          });
        }
        const path = jobPath(jobOf(name, options));
        if (options.at !== undefined) {
          const { message } = await client.get<WhyView>(`${path}/why`, { at: options.at });
          return print(`${printable(message)}\n`);
        }
        const [job, chain, ticks, runs, skips] = await Promise.all([
          client.get<JobView>(path),
          client.get<ChainLinksView>(`${path}/chain`),
          client.get<TicksView>(`${path}/next`, { count: 5 }),
          client.get<Page<RunView>>(`${path}/runs`, { limit: 5 }),
          client.get<Page<SkipView>>(`${path}/skips`, { limit: 10 }),
        ]);
        print(describeJob(job, chain, ticks, runs.items, skips.items, Date.now()));
      }),
    );
}

function describeJob(
  job: JobView,
  chain: ChainLinksView,
  ticks: TicksView,
  runs: readonly RunView[],
  skips: readonly SkipView[],
  now: Instant,
): string {
  const { metadata, spec, status } = job;
  const { paused } = status;
  const facts: [string, string][] = [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', formatLabels(metadata.labels)],
    ['Uid', metadata.uid],
    ['Revision', `${metadata.revision}, changed ${formatRelative(status.updatedAt, now)}`],
    ['Created', `${metadata.creationTimestamp}, from ${status.source}`],
    ['Schedule', `${spec.schedule} (${ticks.timeZone})`],
    ['Suspended', spec.suspend ? 'yes' : 'no'],
    ...(paused === undefined ? [] : [['Paused', `since ${paused.at}: ${paused.detail}`] satisfies [string, string]]),
    ['Fires after', status.floor],
  ];
  const next = ticks.items.map(tick => `${tick}  ${formatRelative(tick, now)}`);
  return [
    ...facts.map(([label, value]) => `${`${label}:`.padEnd(13)}${printable(value)}\n`),
    section('Spec', indent(dump(spec, { noRefs: true, lineWidth: -1 }))),
    chain.upstreams.length === 0 ? '' : section('Comes after', indent(lines(chain.upstreams.map(upstreamLine)))),
    chain.downstreams.length === 0 ? '' : section('Then', indent(lines(chain.downstreams.map(downstreamLine)))),
    section(
      'Next ticks',
      next.length > 0 ? indent(`${next.join('\n')}\n`) : none(paused ? 'paused' : ticks.suspended ? 'suspended' : ''),
    ),
    section('Last runs', runs.length > 0 ? indent(runTable(runs, { wide: true, now })) : none('')),
    section('Ticks without a run', skips.length > 0 ? indent(skipTable(skips)) : none('')),
  ].join('');
}

/** `extract on Success: ended as Succeeded at …, waits for the others`. */
function upstreamLine({ job, on, exists, arrived }: ChainLinkView): string {
  if (!exists) return `${job} on ${on}: missing, there is no such job`;
  if (arrived === undefined) return `${job} on ${on}: not ended since the last run`;
  return `${job} on ${on}: ${arrived.run} ended as ${arrived.state} at ${arrived.at}, and waits for the others`;
}

const downstreamLine = ({ job, on }: ChainLinkView): string => `${job} on ${on}`;
const lines = (all: readonly string[]): string => all.map(line => `${printable(line)}\n`).join('');

async function describeRun(client: Client, id: string, now: Instant): Promise<string> {
  const path = `/api/v1/runs/${encodeURIComponent(id)}`;
  const [run, { items }] = await Promise.all([
    client.get<RunView>(path),
    client.get<{ items: RunView[] }>(`${path}/chain`),
  ]);
  const facts: [string, string | undefined][] = [
    ['Id', run.id],
    ['Job', `${run.namespace}/${run.name}`],
    ['Trigger', run.trigger],
    ['Tick', run.tick],
    ['State', runState(run, now)],
    ['Attempt', String(run.attempt)],
    ['Worker', run.worker],
    ['Requested', run.requestedAt],
    ['Started', run.startedAt],
    ['Finished', run.finishedAt],
    ['Result', runResult(run)],
    ['Reason', run.reason],
  ];
  return [
    ...facts.flatMap(([label, value]) => (value ? `${`${label}:`.padEnd(13)}${printable(value)}\n` : [])),
    items.length > 1 ? section('Chain', indent(chainTree(items, now))) : '',
  ].join('');
}

const section = (title: string, body: string): string => `${title}:\n${body}`;
const none = (why: string): string => `  none${why === '' ? '' : ` (${why})`}\n`;
const indent = (text: string): string => text.replace(/^(?=.)/gm, '  ');
