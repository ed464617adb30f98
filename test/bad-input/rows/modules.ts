import { job, type Row } from '../row.ts';

/** Functions of modules, and executors of third parties. */

export const modulesRows: readonly Row[] = [
  [
    'a name in place of a module',
    job({ executor: { module: 'mail' } }),
    ['spec.executor.module = "mail": must be a mapping'],
  ],
  ['a module without a name', job({ executor: { module: {} } }), ['spec.executor.module.name: is needed: a string']],
  [
    'a module and a command',
    job({ executor: { shell: { command: 'date' }, module: { name: 'a' } } }),
    [
      'spec.executor = {"shell":{"command":"date"},"module":{"name":"a"}}: exactly one executor is needed: shell, http, kubernetes, module or custom',
    ],
  ],
  [
    'a name of a module as a number',
    job({ executor: { module: { name: 5 } } }),
    ['spec.executor.module.name = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'a wrong name of a module',
    job({ executor: { module: { name: 'send mail' } } }),
    [
      "spec.executor.module.name = \"send mail\": must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    ],
  ],
  [
    'a long name of a module',
    job({ executor: { module: { name: 'n'.repeat(64) } } }),
    [`spec.executor.module.name = "${'n'.repeat(64)}": must have at most 63 characters`],
  ],
  [
    'an unknown field of a module',
    job({ executor: { module: { name: 'a', inputs: {} } } }),
    ['spec.executor.module.inputs = {}: is not a known field; did you mean input? Allowed here: name, input'],
  ],
  [
    'an input that is too large',
    job({ executor: { module: { name: 'a', input: ['x'.repeat(65_536)] } } }),
    [`spec.executor.module.input = ["${'x'.repeat(197)}…: must be JSON of at most 65536 bytes`],
  ],
  [
    'an input that is no JSON',
    job({ executor: { module: { name: 'a', input: { rate: Number.NaN } } } }),
    ['spec.executor.module.input = {"rate":NaN}: must be JSON of at most 65536 bytes'],
  ],
  [
    'a NUL in an input',
    job({ executor: { module: { name: 'a', input: { b: ['c\0'] } } } }),
    ['spec.executor.module.input.b[0] = "c\\u0000": must be text without NUL or broken characters'],
  ],
  [
    'an input that JavaScript keeps for itself',
    job({ executor: { module: { name: 'a', input: JSON.parse('{"__proto__":1}') } } }),
    ['spec.executor.module.input.__proto__ = 1: cannot be used as a name'],
  ],
  [
    'a name in place of an executor',
    job({ executor: { custom: 'sql' } }),
    ['spec.executor.custom = "sql": must be a mapping'],
  ],
  ['an executor without a name', job({ executor: { custom: {} } }), ['spec.executor.custom.name: is needed: a string']],
  [
    'a name of an executor as a flag',
    job({ executor: { custom: { name: true } } }),
    ['spec.executor.custom.name = true: must be a string; put it in quotes: "true"'],
  ],
  [
    'a wrong name of an executor',
    job({ executor: { custom: { name: '-sql' } } }),
    [
      "spec.executor.custom.name = \"-sql\": must be letters, digits, '-', '_' and '.', beginning and ending with a letter or digit",
    ],
  ],
  [
    'a long name of an executor',
    job({ executor: { custom: { name: 'n'.repeat(64) } } }),
    [`spec.executor.custom.name = "${'n'.repeat(64)}": must have at most 63 characters`],
  ],
  [
    'an unknown field of an executor',
    job({ executor: { custom: { name: 'sql', config: {} } } }),
    ['spec.executor.custom.config = {}: is not a known field. Allowed here: name, with'],
  ],
  [
    'a misspelled field of an executor',
    job({ executor: { custom: { name: 'sql', With: {} } } }),
    ['spec.executor.custom.With = {}: is not a known field; did you mean with? Allowed here: name, with'],
  ],
  [
    'settings that are too large',
    job({ executor: { custom: { name: 'sql', with: 'x'.repeat(65_536) } } }),
    [`spec.executor.custom.with = "${'x'.repeat(198)}…: must be JSON of at most 65536 bytes`],
  ],
  [
    'settings that are no JSON',
    job({ executor: { custom: { name: 'sql', with: { limit: Number.POSITIVE_INFINITY } } } }),
    ['spec.executor.custom.with = {"limit":Infinity}: must be JSON of at most 65536 bytes'],
  ],
  [
    'settings that JavaScript keeps for itself',
    job({ executor: { custom: { name: 'sql', with: JSON.parse('{"__proto__":1}') } } }),
    ['spec.executor.custom.with.__proto__ = 1: cannot be used as a name'],
  ],
];
