import { maxJobBytes } from '../../../src/domain/job/validate.ts';
import { job, type Row, specFields } from '../row.ts';

/** The document as a whole, and its metadata. */

export const documentRows: readonly Row[] = [
  ['no mapping', 'x', ['(document) = "x": must be a mapping']],
  [
    'a list',
    [job()],
    [
      '(document) = [{"metadata":{"name":"a"},"spec":{"schedule":"@daily","executor":{"shell":{"command":"date"}}}}]: must be a mapping',
    ],
  ],
  ['nothing in it', {}, ['metadata: is needed: a mapping', 'spec: is needed: a mapping']],
  ['null', null, ['(document) = null: must be a mapping']],
  [
    'an unknown part',
    { ...job(), specs: {} },
    ['specs = {}: is not a known field; did you mean spec? Allowed here: apiVersion, kind, metadata, spec'],
  ],
  [
    'another version',
    { ...job(), apiVersion: 'cronmesh.io/v1' },
    ['apiVersion = "cronmesh.io/v1": must be "cronmesh.io/v1alpha1"'],
  ],
  ['a version as a number', { ...job(), apiVersion: 1 }, ['apiVersion = 1: must be "cronmesh.io/v1alpha1"']],
  ['another kind', { ...job(), kind: 'Job' }, ['kind = "Job": must be "CronJob"']],
  ['no metadata', { spec: job().spec }, ['metadata: is needed: a mapping']],
  ['metadata as text', { ...job(), metadata: 'a' }, ['metadata = "a": must be a mapping']],
  ['no name', { ...job(), metadata: {} }, ['metadata.name: is needed: a string']],
  ['a name as a number', job({}, { name: 1 }), ['metadata.name = 1: must be a string; put it in quotes: "1"']],
  [
    'an empty name',
    job({}, { name: '' }),
    [
      "metadata.name = \"\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a name in capitals',
    job({}, { name: 'Backup' }),
    [
      "metadata.name = \"Backup\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a name with a space',
    job({}, { name: 'a b' }),
    [
      "metadata.name = \"a b\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a name that ends with a dash',
    job({}, { name: 'a-' }),
    [
      "metadata.name = \"a-\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a name of two dots',
    job({}, { name: 'a..b' }),
    [
      "metadata.name = \"a..b\": must be lower-case letters, digits, '-' and '.', each part beginning and ending with a letter or digit",
    ],
  ],
  [
    'a name of more than 128 characters',
    job({}, { name: 'n'.repeat(129) }),
    [`metadata.name = "${'n'.repeat(129)}": must have at most 128 characters`],
  ],
  ['a namespace as a list', job({}, { namespace: ['a'] }), ['metadata.namespace = ["a"]: must be a string']],
  [
    'a namespace with a dot',
    job({}, { namespace: 'a.b' }),
    [
      'metadata.namespace = "a.b": must be lower-case letters, digits and \'-\', beginning and ending with a letter or digit',
    ],
  ],
  [
    'a namespace of more than 63 characters',
    job({}, { namespace: 'n'.repeat(64) }),
    [`metadata.namespace = "${'n'.repeat(64)}": must have at most 63 characters`],
  ],
  ['labels as a list', job({}, { labels: ['a'] }), ['metadata.labels = ["a"]: must be a mapping']],
  [
    'a label that is no text',
    job({}, { labels: { team: 7 } }),
    ['metadata.labels.team = 7: must be a string; put it in quotes: "7"'],
  ],
  [
    'a label with a space',
    job({}, { labels: { 'example.com/team': 'a b' } }),
    [
      'metadata.labels["example.com/team"] = "a b": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
    ],
  ],
  [
    'a label of more than 63 characters',
    job({}, { labels: { team: 'l'.repeat(64) } }),
    [
      `metadata.labels.team = "${'l'.repeat(64)}": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."`,
    ],
  ],
  [
    'a name of a label with a space',
    job({}, { labels: { 'my team': 'a' } }),
    [
      'metadata.labels["my team"] = "my team": the name must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
    ],
  ],
  [
    'a name of a label with two slashes',
    job({}, { labels: { 'a/b/c': 'a' } }),
    [
      'metadata.labels["a/b/c"] = "a/b/c": the name must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
    ],
  ],
  ['annotations as text', job({}, { annotations: 'a=b' }), ['metadata.annotations = "a=b": must be a mapping']],
  [
    'an annotation that is no text',
    job({}, { annotations: { owner: true } }),
    ['metadata.annotations.owner = true: must be a string; put it in quotes: "true"'],
  ],
  [
    'an annotation with a NUL',
    job({}, { annotations: { owner: 'a\0' } }),
    ['metadata.annotations.owner = "a\\u0000": must be text without NUL or broken characters'],
  ],
  [
    'a label that JavaScript keeps for itself',
    job({}, { labels: JSON.parse('{"__proto__":"x"}') }),
    ['metadata.labels.__proto__ = "x": cannot be used as a name'],
  ],
  [
    'an annotation that JavaScript keeps for itself',
    job({}, { annotations: JSON.parse('{"__proto__":"x"}') }),
    ['metadata.annotations.__proto__ = "x": cannot be used as a name'],
  ],
  [
    'an unknown field of metadata',
    job({}, { label: { a: 'b' } }),
    [
      'metadata.label = {"a":"b"}: is not a known field; did you mean labels? Allowed here: name, namespace, labels, annotations',
    ],
  ],
  ['no spec', { metadata: { name: 'a' } }, ['spec: is needed: a mapping']],
  ['a spec as a list', { ...job(), spec: [] }, ['spec = []: must be a mapping']],
  [
    'a misspelled field',
    job({ shedule: '* * * * *' }),
    [`spec.shedule = "* * * * *": is not a known field; did you mean schedule? ${specFields}`],
  ],
  [
    'a field in other letters',
    job({ TimeZone: 'UTC' }),
    [`spec.TimeZone = "UTC": is not a known field; did you mean timeZone? ${specFields}`],
  ],
  [
    'two unknown fields',
    job({ cron: '@daily', shedule: '@daily' }),
    [
      `spec.cron = "@daily": is not a known field. ${specFields}`,
      `spec.shedule = "@daily": is not a known field; did you mean schedule? ${specFields}`,
    ],
  ],
  [
    'a job that is too large',
    job({ executor: { shell: { script: 'x'.repeat(maxJobBytes) } } }),
    [
      'spec: is too large: 369104 bytes as JSON, and at most 368640 fit into Consul; keep large scripts in a file or an image',
    ],
  ],
];
