import { job, type Row } from '../row.ts';

/** Values by reference. */

const refs = (...secretRefs: unknown[]) => job({ secretRefs });
const key = { name: 'shop-db', key: 'password' };
const template = { spec: { containers: [{ name: 'a', image: 'b' }] } };

export const secretsRows: readonly Row[] = [
  [
    'references as a mapping',
    job({ secretRefs: { PASSWORD: 'shop-db' } }),
    ['spec.secretRefs = {"PASSWORD":"shop-db"}: must be a list'],
  ],
  [
    'too many references',
    refs(...Array(101).fill({ name: 'A', secretKeyRef: key })),
    [
      'spec.secretRefs = [{"name":"A","secretKeyRef":{"name":"shop-db","key":"password"}},{"name":"A","secretKeyRef":{"name":"shop-db","key":"password"}},{"name":"A","secretKeyRef":{"name":"shop-db","key":"password"}},{"name…: must have at most 100 items',
    ],
  ],
  ['a reference as text', refs('PASSWORD'), ['spec.secretRefs[0] = "PASSWORD": must be a mapping']],
  [
    'an unknown field of a reference',
    refs({ name: 'A', secretRef: key }),
    [
      'spec.secretRefs[0].secretRef = {"name":"shop-db","key":"password"}: is not a known field; did you mean secretKeyRef? Allowed here: name, secretKeyRef, configMapKeyRef, environment, file',
      'spec.secretRefs[0] = {"name":"A","secretRef":{"name":"shop-db","key":"password"}}: exactly one of secretKeyRef, configMapKeyRef, environment and file is needed',
    ],
  ],
  [
    'a reference to nothing',
    refs({ name: 'A' }),
    ['spec.secretRefs[0] = {"name":"A"}: exactly one of secretKeyRef, configMapKeyRef, environment and file is needed'],
  ],
  [
    'a reference to two things',
    refs({ name: 'A', environment: { variable: 'A' }, file: { path: 'a' } }),
    [
      'spec.secretRefs[0] = {"name":"A","environment":{"variable":"A"},"file":{"path":"a"}}: exactly one of secretKeyRef, configMapKeyRef, environment and file is needed',
    ],
  ],
  [
    'references with a pod',
    job({ executor: { kubernetes: { template } }, secretRefs: [{ name: 'A', secretKeyRef: key }] }),
    [
      'spec.secretRefs = [{"name":"A","secretKeyRef":{"name":"shop-db","key":"password"}}]: is not allowed with the kubernetes executor: use valueFrom in the pod template',
    ],
  ],
  ['a reference without a name', refs({ secretKeyRef: key }), ['spec.secretRefs[0].name: is needed: a string']],
  [
    'a reference whose name is a number',
    refs({ name: 1, secretKeyRef: key }),
    ['spec.secretRefs[0].name = 1: must be a string; put it in quotes: "1"'],
  ],
  [
    'a reference whose name is no variable',
    refs({ name: '1A', secretKeyRef: key }),
    ['spec.secretRefs[0].name = "1A": must be letters, digits and \'_\', not beginning with a digit'],
  ],
  [
    "a name of the run's own",
    refs({ name: 'CRONMESH_RUN', secretKeyRef: key }),
    ['spec.secretRefs[0].name = "CRONMESH_RUN": must not begin with CRONMESH_'],
  ],
  [
    'a Secret in a word',
    refs({ name: 'A', secretKeyRef: 'shop-db' }),
    ['spec.secretRefs[0].secretKeyRef = "shop-db": must be a mapping'],
  ],
  [
    'a Secret without name and key',
    refs({ name: 'A', secretKeyRef: {} }),
    [
      'spec.secretRefs[0].secretKeyRef.name: is needed: a string',
      'spec.secretRefs[0].secretKeyRef.key: is needed: a string',
    ],
  ],
  [
    'a Secret in capitals, and a key with a slash',
    refs({ name: 'A', secretKeyRef: { name: 'Shop', key: 'a/b' } }),
    [
      "spec.secretRefs[0].secretKeyRef.name = \"Shop\": must be the name of an object in Kubernetes: lower-case letters, digits, '-' and '.'",
      "spec.secretRefs[0].secretKeyRef.key = \"a/b\": must be letters, digits, '-', '_' and '.'",
    ],
  ],
  [
    'a Secret with a name that is too long',
    refs({ name: 'A', secretKeyRef: { ...key, name: 's'.repeat(254) } }),
    [`spec.secretRefs[0].secretKeyRef.name = "${'s'.repeat(198)}…: must have at most 253 characters`],
  ],
  [
    'a Secret of numbers',
    refs({ name: 'A', secretKeyRef: { name: 1, key: 2, optional: 3 } }),
    [
      'spec.secretRefs[0].secretKeyRef.name = 1: must be a string; put it in quotes: "1"',
      'spec.secretRefs[0].secretKeyRef.key = 2: must be a string; put it in quotes: "2"',
      'spec.secretRefs[0].secretKeyRef.optional = 3: must be true or false',
    ],
  ],
  [
    'an unknown field of a Secret',
    refs({ name: 'A', secretKeyRef: { ...key, namespace: 'b' } }),
    ['spec.secretRefs[0].secretKeyRef.namespace = "b": is not a known field. Allowed here: name, key, optional'],
  ],
  [
    'a misspelled field of a Secret',
    refs({ name: 'A', secretKeyRef: { ...key, optinal: true } }),
    [
      'spec.secretRefs[0].secretKeyRef.optinal = true: is not a known field; did you mean optional? Allowed here: name, key, optional',
    ],
  ],
  [
    'a ConfigMap in a word',
    refs({ name: 'A', configMapKeyRef: 'shop' }),
    ['spec.secretRefs[0].configMapKeyRef = "shop": must be a mapping'],
  ],
  [
    'a ConfigMap without name and key',
    refs({ name: 'A', configMapKeyRef: {} }),
    [
      'spec.secretRefs[0].configMapKeyRef.name: is needed: a string',
      'spec.secretRefs[0].configMapKeyRef.key: is needed: a string',
    ],
  ],
  [
    'a ConfigMap in capitals, and an empty key',
    refs({ name: 'A', configMapKeyRef: { name: 'Shop', key: '' } }),
    [
      "spec.secretRefs[0].configMapKeyRef.name = \"Shop\": must be the name of an object in Kubernetes: lower-case letters, digits, '-' and '.'",
      "spec.secretRefs[0].configMapKeyRef.key = \"\": must be letters, digits, '-', '_' and '.'",
    ],
  ],
  [
    'a ConfigMap with a name that is too long',
    refs({ name: 'A', configMapKeyRef: { ...key, name: 's'.repeat(254) } }),
    [`spec.secretRefs[0].configMapKeyRef.name = "${'s'.repeat(198)}…: must have at most 253 characters`],
  ],
  [
    'a ConfigMap of numbers',
    refs({ name: 'A', configMapKeyRef: { name: 1, key: 2, optional: 3 } }),
    [
      'spec.secretRefs[0].configMapKeyRef.name = 1: must be a string; put it in quotes: "1"',
      'spec.secretRefs[0].configMapKeyRef.key = 2: must be a string; put it in quotes: "2"',
      'spec.secretRefs[0].configMapKeyRef.optional = 3: must be true or false',
    ],
  ],
  [
    'an unknown field of a ConfigMap',
    refs({ name: 'A', configMapKeyRef: { ...key, optinal: true } }),
    [
      'spec.secretRefs[0].configMapKeyRef.optinal = true: is not a known field; did you mean optional? Allowed here: name, key, optional',
    ],
  ],
  [
    'a variable of the worker in a word',
    refs({ name: 'A', environment: 'A' }),
    ['spec.secretRefs[0].environment = "A": must be a mapping'],
  ],
  [
    'no variable',
    refs({ name: 'A', environment: {} }),
    ['spec.secretRefs[0].environment.variable: is needed: a string'],
  ],
  [
    'a variable that is none',
    refs({ name: 'A', environment: { variable: 'A-B' } }),
    ['spec.secretRefs[0].environment.variable = "A-B": must be letters, digits and \'_\', not beginning with a digit'],
  ],
  [
    'a variable of numbers',
    refs({ name: 'A', environment: { variable: 1, optional: 'no' } }),
    [
      'spec.secretRefs[0].environment.variable = 1: must be a string; put it in quotes: "1"',
      'spec.secretRefs[0].environment.optional = "no": must be true or false',
    ],
  ],
  [
    'an unknown field of a variable',
    refs({ name: 'A', environment: { variable: 'A', name: 'B' } }),
    ['spec.secretRefs[0].environment.name = "B": is not a known field. Allowed here: variable, optional'],
  ],
  [
    'a misspelled field of a variable',
    refs({ name: 'A', environment: { variable: 'A', variables: [] } }),
    [
      'spec.secretRefs[0].environment.variables = []: is not a known field; did you mean variable? Allowed here: variable, optional',
    ],
  ],
  ['a file in a word', refs({ name: 'A', file: 'a' }), ['spec.secretRefs[0].file = "a": must be a mapping']],
  ['no file', refs({ name: 'A', file: {} }), ['spec.secretRefs[0].file.path: is needed: a string']],
  [
    'an absolute file',
    refs({ name: 'A', file: { path: '/etc/passwd' } }),
    [
      "spec.secretRefs[0].file.path = \"/etc/passwd\": must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
    ],
  ],
  [
    'a file above',
    refs({ name: 'A', file: { path: 'a/../../b' } }),
    [
      "spec.secretRefs[0].file.path = \"a/../../b\": must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
    ],
  ],
  [
    'a hidden file',
    refs({ name: 'A', file: { path: '.ssh/id' } }),
    [
      "spec.secretRefs[0].file.path = \".ssh/id\": must be a path below the worker's folder of secrets: names of letters, digits, '_', '-' and '.', not beginning with '.', with '/' between them",
    ],
  ],
  [
    'a file of a path that is too long',
    refs({ name: 'A', file: { path: 'f'.repeat(1_001) } }),
    [`spec.secretRefs[0].file.path = "${'f'.repeat(198)}…: must have at most 1000 characters`],
  ],
  [
    'a file of numbers',
    refs({ name: 'A', file: { path: 1, optional: 0 } }),
    [
      'spec.secretRefs[0].file.path = 1: must be a string; put it in quotes: "1"',
      'spec.secretRefs[0].file.optional = 0: must be true or false',
    ],
  ],
  [
    'an unknown field of a file',
    refs({ name: 'A', file: { path: 'a', paths: [] } }),
    ['spec.secretRefs[0].file.paths = []: is not a known field; did you mean path? Allowed here: path, optional'],
  ],
];
