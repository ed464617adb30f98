import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { load } from 'js-yaml';

/** Where the rule files are. */
export const ruleFolder = fileURLToPath(new URL('../../deploy/prometheus', import.meta.url));
/** Where there is a page for each alert. */
export const runbookFolder = fileURLToPath(new URL('../../docs/runbooks', import.meta.url));

export const ruleFiles: readonly string[] = ['recording.yaml', 'alerts.yaml'].map(name => join(ruleFolder, name));
export const ruleTests: readonly string[] = readdirSync(join(ruleFolder, 'tests')).map(name =>
  join(ruleFolder, 'tests', name),
);

export interface RuleText {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly for?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** All rules of a file. */
export function rulesOf(text: string): readonly RuleText[] {
  return (load(text) as { groups: { rules: RuleText[] }[] }).groups.flatMap(({ rules }) => rules);
}

/** Every alerting rule. */
export function alertRules(): readonly (RuleText & { readonly alert: string })[] {
  return ruleFiles
    .flatMap(file => rulesOf(readFileSync(file, 'utf8')))
    .flatMap(rule => (rule.alert === undefined ? [] : [{ ...rule, alert: rule.alert }]));
}

const seconds = { s: 1, m: 60, h: 3_600 } as const;

/**
 * The rules with every time in them shortened: ranges, `for`, and thresholds that are times (lags and ages). What they
 * ask stays the same.
 */
export function shortened(text: string, factor: number): string {
  const short = (count: string, unit: string): string =>
    `${Math.max(1, Math.round((Number(count) * seconds[unit as keyof typeof seconds]) / factor))}s`;
  return text
    .replace(/\[(\d+)([smh])\]/g, (_, count: string, unit: string) => `[${short(count, unit)}]`)
    .replace(/^( +for: )(\d+)([smh])$/gm, (_, key: string, count: string, unit: string) => key + short(count, unit))
    .replace(/((?:lag|age)_seconds\)? > )(\d+)/g, (_, head: string, count: string) => head + Number(count) / factor);
}
