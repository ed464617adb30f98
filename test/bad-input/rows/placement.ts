import { job, type Row } from '../row.ts';

/** Which workers, and on how many of them. */

const expression = (more: Record<string, unknown>) => job({ placement: { selector: { matchExpressions: [more] } } });

export const placementRows: readonly Row[] = [
  ['a placement in a word', job({ placement: 'All' }), ['spec.placement = "All": must be a mapping']],
  [
    'a misspelled field of a placement',
    job({ placement: { selektor: {} } }),
    ['spec.placement.selektor = {}: is not a known field; did you mean selector? Allowed here: selector, mode, shards'],
  ],
  [
    'a selector as labels',
    job({ placement: { selector: 'zone=a' } }),
    ['spec.placement.selector = "zone=a": must be a mapping'],
  ],
  [
    'an unknown field of a selector',
    job({ placement: { selector: { zone: 'a' } } }),
    ['spec.placement.selector.zone = "a": is not a known field. Allowed here: matchLabels, matchExpressions'],
  ],
  [
    'a misspelled field of a selector',
    job({ placement: { selector: { matchLabel: {} } } }),
    [
      'spec.placement.selector.matchLabel = {}: is not a known field; did you mean matchLabels? Allowed here: matchLabels, matchExpressions',
    ],
  ],
  [
    'labels of workers as a list',
    job({ placement: { selector: { matchLabels: ['zone'] } } }),
    ['spec.placement.selector.matchLabels = ["zone"]: must be a mapping'],
  ],
  [
    'a label of workers as a number',
    job({ placement: { selector: { matchLabels: { zone: 1 } } } }),
    ['spec.placement.selector.matchLabels.zone = 1: must be a string; put it in quotes: "1"'],
  ],
  [
    'a wrong label of workers',
    job({ placement: { selector: { matchLabels: { zone: 'a b' } } } }),
    [
      'spec.placement.selector.matchLabels.zone = "a b": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
    ],
  ],
  [
    'a wrong name of a label of workers',
    job({ placement: { selector: { matchLabels: { '-zone': 'a' } } } }),
    [
      'spec.placement.selector.matchLabels["-zone"] = "-zone": the name must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
    ],
  ],
  [
    'a label of workers that JavaScript keeps for itself',
    job({ placement: { selector: { matchLabels: JSON.parse('{"__proto__":"x"}') } } }),
    ['spec.placement.selector.matchLabels.__proto__ = "x": cannot be used as a name'],
  ],
  [
    'another mode',
    job({ placement: { mode: 'Shard' } }),
    ['spec.placement.mode = "Shard": must be one of "One", "All", "Shards"; did you mean "Shards"?'],
  ],
  [
    'a mode as a list',
    job({ placement: { mode: ['All'] } }),
    ['spec.placement.mode = ["All"]: must be one of "One", "All", "Shards"'],
  ],
  [
    'Shards without a number',
    job({ placement: { mode: 'Shards' } }),
    ['spec.placement.shards: is needed with mode Shards'],
  ],
  [
    'a number of shards with All',
    job({ placement: { mode: 'All', shards: 3 } }),
    ['spec.placement.shards = 3: is allowed with mode Shards only'],
  ],
  [
    'a number of shards and no mode',
    job({ placement: { shards: 3 } }),
    ['spec.placement.shards = 3: is allowed with mode Shards only'],
  ],
  ['one shard', job({ placement: { mode: 'Shards', shards: 1 } }), ['spec.placement.shards = 1: must be at least 2']],
  [
    'too many shards',
    job({ placement: { mode: 'Shards', shards: 101 } }),
    ['spec.placement.shards = 101: must be at most 100'],
  ],
  [
    'part of a shard',
    job({ placement: { mode: 'Shards', shards: 2.5 } }),
    ['spec.placement.shards = 2.5: must be a whole number'],
  ],
  [
    'shards in words',
    job({ placement: { mode: 'Shards', shards: 'three' } }),
    ['spec.placement.shards = "three": must be a number'],
  ],
  [
    'a maximum with several runs',
    job({ maxConcurrentRuns: 2, placement: { mode: 'Shards', shards: 3 } }),
    ['spec.maxConcurrentRuns = 2: is allowed with placement mode One only'],
  ],
  [
    'Replace with several runs',
    job({ concurrencyPolicy: 'Replace', placement: { mode: 'All' } }),
    ['spec.concurrencyPolicy = "Replace": must be Allow or Forbid with placement mode All or Shards'],
  ],
  [
    'expressions as a mapping',
    job({ placement: { selector: { matchExpressions: { key: 'zone', operator: 'Exists' } } } }),
    ['spec.placement.selector.matchExpressions = {"key":"zone","operator":"Exists"}: must be a list'],
  ],
  [
    'too many expressions',
    job({ placement: { selector: { matchExpressions: Array(51).fill({ key: 'a', operator: 'Exists' }) } } }),
    [
      'spec.placement.selector.matchExpressions = [{"key":"a","operator":"Exists"},{"key":"a","operator":"Exists"},{"key":"a","operator":"Exists"},{"key":"a","operator":"Exists"},{"key":"a","operator":"Exists"},{"key":"a","operator":"Exists"},{"key"…: must have at most 50 items',
    ],
  ],
  [
    'an expression in a word',
    job({ placement: { selector: { matchExpressions: ['zone'] } } }),
    ['spec.placement.selector.matchExpressions[0] = "zone": must be a mapping'],
  ],
  [
    'an expression without a key and an operator',
    expression({}),
    [
      'spec.placement.selector.matchExpressions[0].key: is needed: a string',
      'spec.placement.selector.matchExpressions[0].operator: is needed: one of "In", "NotIn", "Exists", "DoesNotExist"',
    ],
  ],
  [
    'a misspelled field of an expression',
    expression({ key: 'zone', operator: 'In', value: ['a'] }),
    [
      'spec.placement.selector.matchExpressions[0].value = ["a"]: is not a known field; did you mean values? Allowed here: key, operator, values',
      'spec.placement.selector.matchExpressions[0].values: must have at least one value with In and NotIn',
    ],
  ],
  [
    'a key as a number',
    expression({ key: 1, operator: 'Exists' }),
    ['spec.placement.selector.matchExpressions[0].key = 1: must be a string; put it in quotes: "1"'],
  ],
  [
    'a key that is no label',
    expression({ key: 'a b', operator: 'Exists' }),
    [
      'spec.placement.selector.matchExpressions[0].key = "a b": must be a Kubernetes label key: an optional DNS prefix and "/", then up to 63 characters',
    ],
  ],
  [
    'another operator',
    expression({ key: 'zone', operator: 'Gt', values: ['1'] }),
    [
      'spec.placement.selector.matchExpressions[0].operator = "Gt": must be one of "In", "NotIn", "Exists", "DoesNotExist"',
    ],
  ],
  [
    'In without values',
    expression({ key: 'zone', operator: 'In' }),
    ['spec.placement.selector.matchExpressions[0].values: must have at least one value with In and NotIn'],
  ],
  [
    'NotIn without values',
    expression({ key: 'zone', operator: 'NotIn' }),
    ['spec.placement.selector.matchExpressions[0].values: must have at least one value with In and NotIn'],
  ],
  [
    'Exists with values',
    expression({ key: 'zone', operator: 'Exists', values: ['a'] }),
    ['spec.placement.selector.matchExpressions[0].values = ["a"]: must be left out with Exists and DoesNotExist'],
  ],
  [
    'DoesNotExist with values',
    expression({ key: 'zone', operator: 'DoesNotExist', values: ['a'] }),
    ['spec.placement.selector.matchExpressions[0].values = ["a"]: must be left out with Exists and DoesNotExist'],
  ],
  [
    'values in a word',
    expression({ key: 'zone', operator: 'In', values: 'a' }),
    ['spec.placement.selector.matchExpressions[0].values = "a": must be a list'],
  ],
  [
    'too many values',
    expression({ key: 'zone', operator: 'In', values: Array(101).fill('a') }),
    [`spec.placement.selector.matchExpressions[0].values = [${'"a",'.repeat(49)}"a…: must have at most 100 items`],
  ],
  [
    'a value as a number',
    expression({ key: 'zone', operator: 'In', values: [1] }),
    ['spec.placement.selector.matchExpressions[0].values[0] = 1: must be a string; put it in quotes: "1"'],
  ],
  [
    'a value that is none',
    expression({ key: 'zone', operator: 'In', values: ['a b'] }),
    [
      'spec.placement.selector.matchExpressions[0].values[0] = "a b": must be a Kubernetes label value: up to 63 letters, digits, "-", "_" and "."',
    ],
  ],
  [
    'a group with several runs',
    job({ concurrencyPolicy: 'Forbid', concurrencyGroup: 'db', placement: { mode: 'All' } }),
    ['spec.concurrencyGroup = "db": needs placement mode One'],
  ],
];
