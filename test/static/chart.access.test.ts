import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  chartSkip,
  container,
  environmentOf,
  type KubernetesObject,
  type Rendered,
  type Rule,
  render,
} from '../support/chart.ts';

interface Binding {
  readonly roleRef: { readonly kind: string; readonly name: string };
  readonly subjects: readonly { readonly name: string; readonly namespace: string }[];
}

/** What a ServiceAccount may do, as `scope verb group/resource[name]`; the scope is a namespace, or `*`. */
function rightsOf(rendered: Rendered, account: string): string[] {
  const rights = new Set<string>();
  for (const kind of ['Role', 'ClusterRole']) {
    for (const one of rendered.all(`${kind}Binding`)) {
      const { roleRef, subjects } = one as unknown as Binding;
      if (!subjects.some(subject => subject.name === account && subject.namespace === 'cronmesh')) continue;
      assert.equal(roleRef.kind, kind);
      const role = rendered
        .all(kind)
        .find(({ metadata }) => metadata.name === roleRef.name && metadata.namespace === one.metadata.namespace);
      assert.ok(role, `${one.metadata.name} binds a role that is not there`);
      for (const rule of role.rules ?? []) for (const right of rightsIn(rule, role)) rights.add(right);
    }
  }
  return [...rights].sort();
}

function rightsIn(rule: Rule, role: KubernetesObject): string[] {
  const scope = role.metadata.namespace ?? '*';
  // An empty list of names would mean every object.
  if (rule.resourceNames !== undefined) assert.ok(rule.resourceNames.length > 0, role.metadata.name);
  const names = rule.resourceNames ?? [''];
  return rule.verbs.flatMap(verb =>
    rule.apiGroups.flatMap(group =>
      rule.resources.flatMap(resource =>
        names.map(name => `${scope} ${verb} ${group === '' ? '' : `${group}/`}${resource}${name && `[${name}]`}`),
      ),
    ),
  );
}

const account = (rendered: Rendered, component: string): string =>
  rendered.pod('Deployment', component).serviceAccountName ?? '';

const kubernetesWorker = (scope: string): string[] =>
  [
    ...['create', 'get', 'list', 'watch', 'patch', 'delete'].map(verb => `${scope} ${verb} batch/jobs`),
    ...['get', 'list', 'watch', 'delete'].map(verb => `${scope} ${verb} pods`),
    `${scope} get pods/log`,
  ].sort();

const operator = (scope: string): string[] => [
  ...['get', 'list', 'watch', 'patch'].map(verb => `${scope} ${verb} cronmesh.io/cronjobs`),
  `${scope} patch cronmesh.io/cronjobs/status`,
  ...['create', 'patch'].map(verb => `${scope} ${verb} events`),
];

describe('what the chart’s accounts may do', { skip: chartSkip() }, () => {
  it('is nothing for masters and shell workers', () => {
    for (const set of ['external-database', 'hpa', 'cluster-wide', 'tryout']) {
      const rendered = render(set);
      assert.deepEqual(rightsOf(rendered, account(rendered, 'master')), []);
      assert.deepEqual(rightsOf(rendered, account(rendered, 'worker')), []);
    }
  });

  it('is reading exactly the named objects for shell workers with secretAccess', () => {
    const rendered = render('sidecar-secure');
    assert.deepEqual(
      rightsOf(rendered, 'cronmesh-worker'),
      ['cronmesh', 'shop'].flatMap(scope => [
        `${scope} get configmaps[shop-settings]`,
        `${scope} get secrets[mail]`,
        `${scope} get secrets[shop-database]`,
      ]),
    );
    const pod = rendered.pod('Deployment', 'worker');
    assert.equal(pod.automountServiceAccountToken, true);
    assert.equal(environmentOf(container(pod, 'worker')).CRONMESH_WORKER_KUBERNETES_ACCESS, 'true');
    const without = render('external-database').pod('Deployment', 'worker');
    assert.equal(environmentOf(container(without, 'worker')).CRONMESH_WORKER_KUBERNETES_ACCESS, undefined);
  });

  it('names no kind of object of which secretAccess lists none', () => {
    const rendered = render(
      'external-database',
      'worker.secretAccess.enabled=true',
      'worker.secretAccess.secrets={one}',
    );
    assert.deepEqual(rightsOf(rendered, 'cronmesh-worker'), ['cronmesh get secrets[one]']);
  });

  it('is Jobs and their pods for the workers that run them', () => {
    assert.deepEqual(rightsOf(render('tryout'), 'cronmesh-kubernetes-worker'), kubernetesWorker('cronmesh'));
    const two = render('tryout', 'kubernetesWorker.namespaces={shop,mail}');
    assert.deepEqual(
      rightsOf(two, 'cronmesh-kubernetes-worker'),
      [...kubernetesWorker('mail'), ...kubernetesWorker('shop')].sort(),
    );
    assert.deepEqual(
      rightsOf(render('node-agent'), 'cronmesh-kubernetes-worker'),
      [...kubernetesWorker('cronmesh'), 'cronmesh get secrets[api-key]'].sort(),
    );
    assert.deepEqual(
      rightsOf(render('cluster-wide'), 'cronmesh-kubernetes-worker'),
      [...kubernetesWorker('*'), '* get configmaps[shared]'].sort(),
    );
  });

  it('is its resources, events and its own namespace for the operator', () => {
    const own = 'cronmesh get namespaces[cronmesh]';
    assert.deepEqual(rightsOf(render('tryout'), 'cronmesh-operator'), [...operator('cronmesh'), own].sort());
    const shop = render('tryout', 'operator.watchNamespaces={shop}');
    assert.deepEqual(rightsOf(shop, 'cronmesh-operator'), [...operator('shop'), own].sort());
    assert.deepEqual(rightsOf(render('cluster-wide'), 'cronmesh-operator'), [...operator('*'), own].sort());
  });

  it('names objects outside the release’s namespace so that two releases of one name do not meet', () => {
    const names = render('cluster-wide')
      .all('ClusterRole')
      .map(one => one.metadata.name);
    assert.ok(names.length > 0);
    for (const name of names) assert.match(name, /^cronmesh-cronmesh-/);
    const foreign = render('tryout', 'operator.watchNamespaces={shop}')
      .all('Role')
      .filter(one => one.metadata.namespace === 'shop');
    assert.ok(foreign.length > 0);
    for (const { metadata } of foreign) assert.match(metadata.name, /^cronmesh-cronmesh-/);
  });

  it('tells the operator the namespaces that it may see', () => {
    const of = (...values: string[]): string | undefined =>
      environmentOf(container(render('tryout', ...values).pod('Deployment', 'operator'), 'operator'))
        .CRONMESH_OPERATOR_NAMESPACES;
    assert.equal(of(), 'cronmesh');
    assert.equal(of('operator.watchNamespaces={shop,mail}'), 'shop,mail');
    assert.equal(of('operator.clusterWide=true'), undefined);
  });
});

describe('the uninstall hook', { skip: chartSkip() }, () => {
  it('takes finalizers off before anything is deleted, with an account of its own', () => {
    const rendered = render('tryout');
    const hooks = rendered.objects.filter(one => one.metadata.annotations?.['helm.sh/hook'] === 'pre-delete');
    const order = hooks
      .map(one => [Number(one.metadata.annotations?.['helm.sh/hook-weight']), one.kind] as const)
      .sort(([a], [b]) => a - b)
      .map(([, kind]) => kind);
    assert.deepEqual(order, ['ServiceAccount', 'Role', 'RoleBinding', 'Job']);
    for (const hook of hooks) {
      assert.equal(hook.metadata.annotations?.['helm.sh/hook-delete-policy'], 'before-hook-creation,hook-succeeded');
    }
    const pod = rendered.pod('Job', 'release-finalizers');
    assert.equal(pod.serviceAccountName, 'cronmesh-release-finalizers');
    const [first, ...more] = pod.containers;
    assert.deepEqual(first?.args, ['operator', '--release-finalizers']);
    assert.deepEqual([more, pod.initContainers], [[], undefined], 'it needs neither Consul nor anything else');
    assert.deepEqual(
      rightsOf(rendered, 'cronmesh-release-finalizers'),
      ['get', 'list', 'patch'].map(verb => `cronmesh ${verb} cronmesh.io/cronjobs`),
    );
  });

  it('is there with the operator alone', () => {
    assert.equal(render('external-database').find('Job', 'release-finalizers'), undefined);
    assert.equal(
      render('tryout', 'operator.releaseFinalizers.enabled=false').find('Job', 'release-finalizers'),
      undefined,
    );
  });
});
