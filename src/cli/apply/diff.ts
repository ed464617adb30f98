import { createTwoFilesPatch, FILE_HEADERS_ONLY } from 'diff';
import { dump } from 'js-yaml';
import { printable } from '../output/table.ts';
import type { CalendarView, JobView } from '../views.ts';
import { type Content, contentOf, type Planned } from './plan.ts';

const nothing = '/dev/null';

/** What applying would change of a job, as a unified diff of its YAML with every default; empty where nothing. */
export function diffOf({ document, outcome, content, before }: Planned): string {
  if (outcome === 'unchanged') return '';
  const { namespace, name, origin } = document;
  const old = before === undefined ? nothing : serverName(before);
  return patch(old, `${namespace}/${name} (${origin})`, before && contentOf(before), content);
}

/** The same of a job that would be deleted. */
export function diffOfPruned(job: JobView): string {
  return patch(serverName(job), nothing, contentOf(job), undefined);
}

function serverName({ metadata: { namespace, name, revision } }: JobView | CalendarView): string {
  return `${namespace}/${name} (server, revision ${revision})`;
}

function patch(oldName: string, newName: string, before: Content | undefined, after: Content | undefined): string {
  const options = { context: 3, headerOptions: FILE_HEADERS_ONLY };
  const [oldFile, newFile] = [printable(oldName), printable(newName)];
  return createTwoFilesPatch(oldFile, newFile, toYaml(before), toYaml(after), undefined, undefined, options);
}

function toYaml(content: Content | undefined): string {
  if (content === undefined) return '';
  const { labels, annotations, spec } = content;
  // Sorted, so that the order in which somebody wrote the fields makes no difference.
  return dump({ metadata: { labels, annotations }, spec }, { noRefs: true, lineWidth: -1, sortKeys: true });
}
