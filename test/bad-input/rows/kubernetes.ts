import { job, type Row } from '../row.ts';

/** The executor for pods. */

const template = { spec: { containers: [{ name: 'a', image: 'b' }] } };
const kubernetes = (more: Record<string, unknown>) => job({ executor: { kubernetes: { template, ...more } } });

export const kubernetesRows: readonly Row[] = [
  [
    'an image in place of a pod',
    job({ executor: { kubernetes: 'busybox' } }),
    ['spec.executor.kubernetes = "busybox": must be a mapping'],
  ],
  ['no template', job({ executor: { kubernetes: {} } }), ['spec.executor.kubernetes.template: is needed: a mapping']],
  [
    'an unknown field of kubernetes',
    kubernetes({ ttl: 60 }),
    [
      'spec.executor.kubernetes.ttl = 60: is not a known field. Allowed here: template, backoffLimit, ttlSecondsAfterFinished, outputLimitBytes',
    ],
  ],
  [
    'a misspelled field of kubernetes',
    kubernetes({ backofLimit: 1 }),
    [
      'spec.executor.kubernetes.backofLimit = 1: is not a known field; did you mean backoffLimit? Allowed here: template, backoffLimit, ttlSecondsAfterFinished, outputLimitBytes',
    ],
  ],
  [
    'a template as text',
    kubernetes({ template: 'busybox' }),
    ['spec.executor.kubernetes.template = "busybox": must be a mapping'],
  ],
  [
    'a template without a spec',
    kubernetes({ template: {} }),
    ['spec.executor.kubernetes.template.spec: is needed: a mapping'],
  ],
  [
    'metadata of a pod as text',
    kubernetes({ template: { ...template, metadata: 'a' } }),
    ['spec.executor.kubernetes.template.metadata = "a": must be a mapping'],
  ],
  [
    'labels of a pod as a list',
    kubernetes({ template: { ...template, metadata: { labels: ['a'] } } }),
    ['spec.executor.kubernetes.template.metadata.labels = ["a"]: must be a mapping'],
  ],
  [
    'a label of a pod as a number',
    kubernetes({ template: { ...template, metadata: { labels: { a: 1 } } } }),
    ['spec.executor.kubernetes.template.metadata.labels.a = 1: must be a string; put it in quotes: "1"'],
  ],
  [
    'a wrong label of a pod',
    kubernetes({ template: { ...template, metadata: { labels: { a: 'b c' } } } }),
    [
      'spec.executor.kubernetes.template.metadata.labels.a = "b c": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
    ],
  ],
  [
    'a wrong name of a label of a pod',
    kubernetes({ template: { ...template, metadata: { labels: { 'a b': 'c' } } } }),
    [
      'spec.executor.kubernetes.template.metadata.labels["a b"] = "a b": the name must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
    ],
  ],
  [
    'annotations of a pod as text',
    kubernetes({ template: { ...template, metadata: { annotations: 'a' } } }),
    ['spec.executor.kubernetes.template.metadata.annotations = "a": must be a mapping'],
  ],
  [
    'an annotation of a pod as a flag',
    kubernetes({ template: { ...template, metadata: { annotations: { inject: false } } } }),
    [
      'spec.executor.kubernetes.template.metadata.annotations.inject = false: must be a string; put it in quotes: "false"',
    ],
  ],
  [
    'a pod as a list',
    kubernetes({ template: { spec: [] } }),
    ['spec.executor.kubernetes.template.spec = []: must be a mapping'],
  ],
  [
    'a pod without containers',
    kubernetes({ template: { spec: {} } }),
    ['spec.executor.kubernetes.template.spec.containers: is needed: a list'],
  ],
  [
    'a pod of no container',
    kubernetes({ template: { spec: { containers: [] } } }),
    ['spec.executor.kubernetes.template.spec.containers = []: must not be empty'],
  ],
  [
    'a container as a mapping',
    kubernetes({ template: { spec: { containers: { name: 'a', image: 'b' } } } }),
    ['spec.executor.kubernetes.template.spec.containers = {"name":"a","image":"b"}: must be a list'],
  ],
  [
    'a container as text',
    kubernetes({ template: { spec: { containers: ['busybox'] } } }),
    ['spec.executor.kubernetes.template.spec.containers[0] = "busybox": must be a mapping'],
  ],
  [
    'a container without a name and an image',
    kubernetes({ template: { spec: { containers: [{}] } } }),
    [
      'spec.executor.kubernetes.template.spec.containers[0].name: is needed: a string',
      'spec.executor.kubernetes.template.spec.containers[0].image: is needed: a string',
    ],
  ],
  [
    'a container with an empty name and image',
    kubernetes({ template: { spec: { containers: [{ name: '', image: '' }] } } }),
    [
      'spec.executor.kubernetes.template.spec.containers[0].name = "": must not be empty',
      'spec.executor.kubernetes.template.spec.containers[0].image = "": must not be empty',
    ],
  ],
  [
    'a container whose name and image are numbers',
    kubernetes({ template: { spec: { containers: [{ name: 1, image: 2 }] } } }),
    [
      'spec.executor.kubernetes.template.spec.containers[0].name = 1: must be a string; put it in quotes: "1"',
      'spec.executor.kubernetes.template.spec.containers[0].image = 2: must be a string; put it in quotes: "2"',
    ],
  ],
  [
    'a pod that starts again always',
    kubernetes({ template: { spec: { ...template.spec, restartPolicy: 'Always' } } }),
    ['spec.executor.kubernetes.template.spec.restartPolicy = "Always": must be one of "Never", "OnFailure"'],
  ],
  [
    'restarts as a flag',
    kubernetes({ template: { spec: { ...template.spec, restartPolicy: false } } }),
    ['spec.executor.kubernetes.template.spec.restartPolicy = false: must be one of "Never", "OnFailure"'],
  ],
  [
    'fewer restarts than none',
    kubernetes({ backoffLimit: -1 }),
    ['spec.executor.kubernetes.backoffLimit = -1: must be at least 0'],
  ],
  [
    'too many restarts',
    kubernetes({ backoffLimit: 11 }),
    ['spec.executor.kubernetes.backoffLimit = 11: must be at most 10'],
  ],
  [
    'part of a restart',
    kubernetes({ backoffLimit: 0.5 }),
    ['spec.executor.kubernetes.backoffLimit = 0.5: must be a whole number'],
  ],
  [
    'restarts as text',
    kubernetes({ backoffLimit: '1' }),
    ['spec.executor.kubernetes.backoffLimit = "1": must be a number'],
  ],
  [
    'a Job that is gone too soon',
    kubernetes({ ttlSecondsAfterFinished: 59 }),
    ['spec.executor.kubernetes.ttlSecondsAfterFinished = 59: must be at least 60'],
  ],
  [
    'a Job that stays too long',
    kubernetes({ ttlSecondsAfterFinished: 2_592_001 }),
    ['spec.executor.kubernetes.ttlSecondsAfterFinished = 2592001: must be at most 2592000'],
  ],
  [
    'a Job that stays part of a second',
    kubernetes({ ttlSecondsAfterFinished: 60.5 }),
    ['spec.executor.kubernetes.ttlSecondsAfterFinished = 60.5: must be a whole number'],
  ],
  [
    'a Job that stays with a unit',
    kubernetes({ ttlSecondsAfterFinished: '1h' }),
    ['spec.executor.kubernetes.ttlSecondsAfterFinished = "1h": must be a number'],
  ],
  [
    'an output of pods below 0',
    kubernetes({ outputLimitBytes: -1 }),
    ['spec.executor.kubernetes.outputLimitBytes = -1: must be at least 0'],
  ],
  [
    'an output of pods that is too large',
    kubernetes({ outputLimitBytes: 67_108_865 }),
    ['spec.executor.kubernetes.outputLimitBytes = 67108865: must be at most 67108864'],
  ],
  [
    'an output of pods of a part',
    kubernetes({ outputLimitBytes: 0.5 }),
    ['spec.executor.kubernetes.outputLimitBytes = 0.5: must be a whole number'],
  ],
  [
    'an output of pods with a unit',
    kubernetes({ outputLimitBytes: '1Mi' }),
    ['spec.executor.kubernetes.outputLimitBytes = "1Mi": must be a number'],
  ],
];
