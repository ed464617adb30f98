import assert from 'node:assert/strict';
import { globSync } from 'node:fs';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { parseSchedule } from '../../src/domain/schedule/index.ts';
import { kubectl, kubernetesSkip, type TemporaryNamespace, temporaryNamespace } from '../support/kubernetes.ts';
import { eventually } from '../support/process.ts';
import { scheduleTexts } from '../support/schedules.ts';
import { jobManifest, wrongManifests } from '../support/wrong-manifests.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));
const definition = `${root}deploy/crds/cronjobs.cronmesh.io.yaml`;
const examples = globSync('deploy/examples/*.yaml', { cwd: root }).sort();

/** The resource as the API server answers it, as far as the tests read it. */
interface Resource {
  readonly metadata: { readonly name: string; readonly generation: number };
  readonly spec: Record<string, unknown>;
  readonly status?: Record<string, unknown>;
}

describe('the custom resource on a real API server', { skip: kubernetesSkip() }, () => {
  let namespace: TemporaryNamespace;
  before(async () => {
    // Left there afterwards: it is cluster-wide, and deleting it would delete the resources of everybody else.
    kubectl(['apply', '--server-side', '--force-conflicts', '-f', definition]);
    kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', definition]);
    // The API server publishes a new definition's schema some seconds after it is established.
    await eventually('its schema is published', () => kubectl(['explain', 'mcj.spec']), 60_000, 1_000);
    namespace = temporaryNamespace('crd-test');
  });
  after(() => namespace?.remove());

  const inNamespace = (...args: string[]): string[] => ['--namespace', namespace.name, ...args];
  /** What the API server would store. Throws with its words when it refuses. */
  const dryRun = (manifest: unknown): Resource =>
    JSON.parse(
      kubectl(
        inNamespace('create', '--dry-run=server', '--validate=strict', '-o', 'json', '-f', '-'),
        JSON.stringify(manifest),
      ),
    ) as Resource;

  it('is established and structural', () => {
    const { status } = JSON.parse(kubectl(['get', '-f', definition, '-o', 'json'])) as {
      readonly status: {
        readonly conditions: readonly { readonly type: string; readonly status: string; message: string }[];
      };
    };
    const conditions = new Map(status.conditions.map(one => [one.type, one]));
    assert.equal(conditions.get('Established')?.status, 'True');
    assert.equal(conditions.get('NamesAccepted')?.status, 'True', conditions.get('NamesAccepted')?.message);
    assert.equal(conditions.get('NonStructuralSchema'), undefined, conditions.get('NonStructuralSchema')?.message);
  });

  it('has its short name, its category and its explanations', () => {
    const line = kubectl(['api-resources', '--api-group=cronmesh.io', '--categories=cronmesh', '--no-headers']);
    assert.match(line, /^cronjobs\s+mcj\s+cronmesh\.io\/v1alpha1\s+true\s+CronJob/);
    assert.match(kubectl(['explain', 'mcj.spec']), /startingDeadlineSeconds\s+<integer>\s+A run that could not start/);
    assert.match(kubectl(['explain', 'mcj.spec.dstPolicy']), /ENUM:\s+Vixie\s+Literal/);
    assert.match(kubectl(['explain', 'mcj.status.conditions']), /Ready says whether the job is scheduled/);
  });

  for (const example of examples) {
    it(`accepts ${example}`, () => {
      const [name] = kubectl(
        inNamespace('apply', '--dry-run=server', '--validate=strict', '-o', 'name', '-f', `${root}${example}`),
      ).split('\n');
      assert.equal(name, `cronjob.cronmesh.io/${example.replace(/^.*\/|\.yaml$/g, '')}`);
    });
  }

  for (const { what, manifest, refusal } of wrongManifests) {
    if (refusal.by === 'api-server') {
      it(`refuses ${what}`, () => assert.throws(() => dryRun(manifest), { message: refusal.says }));
    } else {
      it(`leaves to the operator ${what}: ${refusal.because}`, () =>
        assert.equal(dryRun(manifest).metadata.name, 'wrong'));
    }
  }

  it('fills in the defaults', () => {
    assert.deepEqual(dryRun(jobManifest()).spec, {
      schedule: '@daily',
      dstPolicy: 'Vixie',
      suspend: false,
      startingDeadlineSeconds: 300,
      concurrencyPolicy: 'Allow',
      misfirePolicy: 'Skip',
      misfireLimit: 10,
      timeoutSeconds: 3_600,
      terminationGraceSeconds: 5,
      placement: { selector: { matchLabels: {}, matchExpressions: [] }, mode: 'One' },
      executor: { shell: { command: 'date', interpreter: '/bin/sh', env: {}, outputLimitBytes: 1_048_576 } },
    });
  });

  it('keeps what it does not know of a pod', () => {
    const container = { name: 'a', image: 'b', resources: { limits: { memory: '1Gi' } }, somethingNew: [1] };
    const template = { spec: { containers: [container], nodeSelector: { disk: 'ssd' } } };
    const { executor } = dryRun(jobManifest({ executor: { kubernetes: { template } } })).spec as {
      readonly executor: { readonly kubernetes: { readonly template: unknown } };
    };
    assert.deepEqual(executor.kubernetes.template, { spec: { ...template.spec, restartPolicy: 'Never' } });
  });

  it('refuses no schedule that the engine accepts', () => {
    const texts = new Set(fc.sample(scheduleTexts, 400).filter(engineAccepts));
    const items = [...texts]
      .slice(0, 150)
      .map((schedule, index) => jobManifest({ schedule }, { name: `sample-${index}` }));
    assert.equal(items.length, 150);
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items });
    const names = kubectl(inNamespace('create', '--dry-run=server', '-o', 'name', '-f', '-'), list);
    assert.equal(names.trim().split('\n').length, items.length);
  });

  it('shows what the operator writes in its columns', () => {
    const name = 'columns';
    kubectl(inNamespace('create', '-f', '-'), JSON.stringify(jobManifest({ timeZone: 'Europe/Berlin' }, { name })));
    const at = (seconds: number): string => new Date(Date.now() + seconds * 1_000).toISOString();
    const next = at(3_600);
    const run = { id: 'k3v9-1', state: 'Failed', tick: at(-300), finishedAt: at(-290) };
    const status = {
      observedGeneration: 1,
      conditions: [
        {
          type: 'Ready',
          status: 'True',
          lastTransitionTime: at(-600),
          reason: 'Scheduled',
          message: 'next in an hour',
        },
      ],
      jobUid: 'k3v9',
      revision: 1,
      active: 2,
      lastScheduleTime: at(-300),
      lastSuccessfulTime: at(-900),
      nextScheduleTime: next,
      lastRun: { ...run, startedAt: at(-299), message: 'exit status 1' },
      recentRuns: [run],
    };
    const patch = (value: unknown): string =>
      kubectl(
        inNamespace(
          'patch',
          'mcj',
          name,
          '--subresource=status',
          '--type=merge',
          '-p',
          JSON.stringify({ status: value }),
        ),
      );
    patch(status);
    const [header = '', row = ''] = kubectl(inNamespace('get', 'mcj', '-o', 'wide')).split('\n');
    const cells = (line: string): string[] => line.trim().split(/\s{2,}/);
    assert.deepEqual(cells(header), [
      ...['NAME', 'SCHEDULE', 'TIME ZONE', 'SUSPEND', 'ACTIVE', 'LAST', 'NEXT', 'READY', 'AGE'],
      ...['LAST RESULT', 'REASON', 'MESSAGE'],
    ]);
    const [, schedule, zone, suspend, active, last, shownNext, ready, , ...wide] = cells(row);
    assert.deepEqual(
      [schedule, zone, suspend, active, shownNext, ready],
      ['@daily', 'Europe/Berlin', 'false', '2', next, 'True'],
    );
    assert.match(last ?? '', /^5m/);
    assert.deepEqual(wide, ['Failed', 'Scheduled', 'next in an hour']);

    const { metadata } = JSON.parse(kubectl(inNamespace('get', 'mcj', name, '-o', 'json'))) as Resource;
    assert.equal(metadata.generation, 1, 'a status is no change of the spec');
    assert.throws(() => patch({ lastRun: { ...run, state: 'Fine' } }), {
      message: /status\.lastRun\.state: .*supported values/,
    });
    assert.throws(() => patch({ nextScheduleTime: 'tomorrow' }), { message: /status\.nextScheduleTime: .*date-time/ });
  });
});

function engineAccepts(schedule: string): boolean {
  try {
    parseSchedule(schedule);
    return true;
  } catch {
    return false;
  }
}
