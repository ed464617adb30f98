import { job, type Row } from '../row.ts';

/** Which workers, and on how many of them. */

export const placementRows: readonly Row[] = [
  ['a placement in a word', job({ placement: 'All' }), ['spec.placement = "All": must be a mapping']],
  [
    'a misspelled field of a placement',
    job({ placement: { selektor: {} } }),
    ['spec.placement.selektor = {}: is not a known field; did you mean selector? Allowed here: selector'],
  ],
  [
    'a selector as labels',
    job({ placement: { selector: 'zone=a' } }),
    ['spec.placement.selector = "zone=a": must be a mapping'],
  ],
  [
    'an unknown field of a selector',
    job({ placement: { selector: { zone: 'a' } } }),
    ['spec.placement.selector.zone = "a": is not a known field. Allowed here: matchLabels'],
  ],
  [
    'a misspelled field of a selector',
    job({ placement: { selector: { matchLabel: {} } } }),
    [
      'spec.placement.selector.matchLabel = {}: is not a known field; did you mean matchLabels? Allowed here: matchLabels',
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
];
