import { job, type Row } from '../row.ts';

/** The executor as such, and the one for commands. */

const shell = (more: Record<string, unknown>) => job({ executor: { shell: { command: 'a', ...more } } });

export const shellRows: readonly Row[] = [
  ['no executor field', job({ executor: undefined }), ['spec.executor: is needed: a mapping']],
  ['an executor in a word', job({ executor: 'date' }), ['spec.executor = "date": must be a mapping']],
  [
    'no executor',
    job({ executor: {} }),
    ['spec.executor = {}: exactly one executor is needed: shell, http, kubernetes, module or custom'],
  ],
  [
    'two executors',
    job({ executor: { shell: { command: 'a' }, http: { url: 'https://example.com' } } }),
    [
      'spec.executor = {"shell":{"command":"a"},"http":{"url":"https://example.com"}}: exactly one executor is needed: shell, http, kubernetes, module or custom',
    ],
  ],
  [
    'an unknown executor',
    job({ executor: { shel: { command: 'a' } } }),
    [
      'spec.executor.shel = {"command":"a"}: is not a known field; did you mean shell? Allowed here: shell, http, kubernetes, module, custom',
      'spec.executor = {"shel":{"command":"a"}}: exactly one executor is needed: shell, http, kubernetes, module or custom',
    ],
  ],
  [
    'a command in place of shell',
    job({ executor: { shell: 'date' } }),
    ['spec.executor.shell = "date": must be a mapping'],
  ],
  [
    'an unknown field of shell',
    shell({ shellName: 'root' }),
    [
      'spec.executor.shell.shellName = "root": is not a known field. Allowed here: command, script, interpreter, user, limits, env, workingDirectory, stdin, outputLimitBytes',
    ],
  ],
  [
    'a misspelled field of shell',
    shell({ comand: 'b' }),
    [
      'spec.executor.shell.comand = "b": is not a known field; did you mean command? Allowed here: command, script, interpreter, user, limits, env, workingDirectory, stdin, outputLimitBytes',
    ],
  ],
  [
    'neither command nor script',
    job({ executor: { shell: {} } }),
    ['spec.executor.shell = {}: exactly one of command and script is needed'],
  ],
  [
    'command and script',
    shell({ script: 'b' }),
    ['spec.executor.shell = {"command":"a","script":"b"}: exactly one of command and script is needed'],
  ],
  [
    'a command that is a mapping',
    shell({ command: { a: 1 } }),
    ['spec.executor.shell.command = {"a":1}: must be a string or a list'],
  ],
  [
    'a command that is a number',
    shell({ command: 5 }),
    ['spec.executor.shell.command = 5: must be a string or a list'],
  ],
  ['an empty command', shell({ command: '' }), ['spec.executor.shell.command = "": must not be empty']],
  ['an empty list', shell({ command: [] }), ['spec.executor.shell.command = []: must not be empty']],
  ['null in a list', shell({ command: ['a', null] }), ['spec.executor.shell.command[1] = null: must be a string']],
  [
    'a number in a list',
    shell({ command: ['sleep', 5] }),
    ['spec.executor.shell.command[1] = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'a NUL in a list',
    shell({ command: ['a', 'b\0c'] }),
    ['spec.executor.shell.command[1] = "b\\u0000c": must be text without NUL or broken characters'],
  ],
  [
    'half a character',
    shell({ command: 'echo \ud800' }),
    ['spec.executor.shell.command = "echo \\ud800": must be text without NUL or broken characters'],
  ],
  [
    'a script as a list',
    job({ executor: { shell: { script: ['a'] } } }),
    ['spec.executor.shell.script = ["a"]: must be a string'],
  ],
  [
    'an empty script',
    job({ executor: { shell: { script: '' } } }),
    ['spec.executor.shell.script = "": must not be empty'],
  ],
  ['an empty interpreter', shell({ interpreter: '' }), ['spec.executor.shell.interpreter = "": must not be empty']],
  [
    'an interpreter as a list',
    shell({ interpreter: ['bash', '-e'] }),
    ['spec.executor.shell.interpreter = ["bash","-e"]: must be a string'],
  ],
  [
    'a user that is no name',
    shell({ user: 'a b' }),
    [
      "spec.executor.shell.user = \"a b\": must be a user's name (letters, digits, '_', '.' and '-'), or a uid as a number",
    ],
  ],
  [
    'a uid in quotes',
    shell({ user: '1000' }),
    [
      "spec.executor.shell.user = \"1000\": must be a user's name (letters, digits, '_', '.' and '-'), or a uid as a number",
    ],
  ],
  ['a uid below 0', shell({ user: -1 }), ['spec.executor.shell.user = -1: must be at least 0']],
  [
    'a uid that is too large',
    shell({ user: 4_294_967_295 }),
    ['spec.executor.shell.user = 4294967295: must be at most 4294967294'],
  ],
  ['a uid of a part', shell({ user: 0.5 }), ['spec.executor.shell.user = 0.5: must be a whole number or a string']],
  [
    'a uid beyond whole numbers',
    shell({ user: 1e300 }),
    ['spec.executor.shell.user = 1e+300: must be at most 4294967294'],
  ],
  ['a user of another type', shell({ user: true }), ['spec.executor.shell.user = true: must be a number or a string']],
  ['limits as a number', shell({ limits: 5 }), ['spec.executor.shell.limits = 5: must be a mapping']],
  [
    'limits that are too small',
    shell({ limits: { cpuSeconds: 0, memoryBytes: 1, openFiles: 2, processes: 0, fileBytes: -1 } }),
    [
      'spec.executor.shell.limits.cpuSeconds = 0: must be at least 1',
      'spec.executor.shell.limits.memoryBytes = 1: must be at least 1048576',
      'spec.executor.shell.limits.openFiles = 2: must be at least 3',
      'spec.executor.shell.limits.processes = 0: must be at least 1',
      'spec.executor.shell.limits.fileBytes = -1: must be at least 0',
    ],
  ],
  [
    'limits that are too large',
    shell({
      limits: {
        cpuSeconds: 31_536_001,
        memoryBytes: 1_125_899_906_842_625,
        openFiles: 1_048_577,
        processes: 4_194_305,
        fileBytes: 1_125_899_906_842_625,
      },
    }),
    [
      'spec.executor.shell.limits.cpuSeconds = 31536001: must be at most 31536000',
      'spec.executor.shell.limits.memoryBytes = 1125899906842625: must be at most 1125899906842624',
      'spec.executor.shell.limits.openFiles = 1048577: must be at most 1048576',
      'spec.executor.shell.limits.processes = 4194305: must be at most 4194304',
      'spec.executor.shell.limits.fileBytes = 1125899906842625: must be at most 1125899906842624',
    ],
  ],
  [
    'limits of a part',
    shell({ limits: { cpuSeconds: 0.5, memoryBytes: 1_048_576.5, openFiles: 3.5, processes: 1.5, fileBytes: 0.5 } }),
    [
      'spec.executor.shell.limits.cpuSeconds = 0.5: must be a whole number',
      'spec.executor.shell.limits.memoryBytes = 1048576.5: must be a whole number',
      'spec.executor.shell.limits.openFiles = 3.5: must be a whole number',
      'spec.executor.shell.limits.processes = 1.5: must be a whole number',
      'spec.executor.shell.limits.fileBytes = 0.5: must be a whole number',
    ],
  ],
  [
    'limits in words',
    shell({ limits: { cpuSeconds: '1m', memoryBytes: '1Gi', openFiles: 'many', processes: 'few', fileBytes: '1M' } }),
    [
      'spec.executor.shell.limits.cpuSeconds = "1m": must be a number',
      'spec.executor.shell.limits.memoryBytes = "1Gi": must be a number',
      'spec.executor.shell.limits.openFiles = "many": must be a number',
      'spec.executor.shell.limits.processes = "few": must be a number',
      'spec.executor.shell.limits.fileBytes = "1M": must be a number',
    ],
  ],
  [
    'limits without end',
    shell({ limits: { memoryBytes: Number.POSITIVE_INFINITY } }),
    ['spec.executor.shell.limits.memoryBytes = Infinity: must be a finite number'],
  ],
  [
    'an unknown limit',
    shell({ limits: { cpu: 1 } }),
    [
      'spec.executor.shell.limits.cpu = 1: is not a known field. Allowed here: cpuSeconds, memoryBytes, openFiles, processes, fileBytes',
    ],
  ],
  [
    'a misspelled limit',
    shell({ limits: { memorybytes: 2_000_000 } }),
    [
      'spec.executor.shell.limits.memorybytes = 2000000: is not a known field; did you mean memoryBytes? Allowed here: cpuSeconds, memoryBytes, openFiles, processes, fileBytes',
    ],
  ],
  ['variables as a list', shell({ env: ['A=b'] }), ['spec.executor.shell.env = ["A=b"]: must be a mapping']],
  [
    'a variable as a number',
    shell({ env: { PORT: 8080 } }),
    ['spec.executor.shell.env.PORT = 8080: must be a string; put it in quotes: "8080"'],
  ],
  [
    'a wrong name of a variable',
    shell({ env: { '1X': 'y' } }),
    ['spec.executor.shell.env["1X"] = "1X": the name must be letters, digits and \'_\', not beginning with a digit'],
  ],
  [
    'a name of a variable with a dash',
    shell({ env: { 'A-B': 'y' } }),
    ['spec.executor.shell.env.A-B = "A-B": the name must be letters, digits and \'_\', not beginning with a digit'],
  ],
  [
    'a variable that JavaScript keeps for itself',
    shell({ env: JSON.parse('{"__proto__":"x"}') }),
    ['spec.executor.shell.env.__proto__ = "x": cannot be used as a name'],
  ],
  [
    'a relative folder',
    shell({ workingDirectory: 'srv' }),
    ['spec.executor.shell.workingDirectory = "srv": must be an absolute path'],
  ],
  [
    'a folder as a number',
    shell({ workingDirectory: 5 }),
    ['spec.executor.shell.workingDirectory = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'an input as a number',
    shell({ stdin: 5 }),
    ['spec.executor.shell.stdin = 5: must be a string; put it in quotes: "5"'],
  ],
  [
    'an input with a NUL',
    shell({ stdin: 'a\0' }),
    ['spec.executor.shell.stdin = "a\\u0000": must be text without NUL or broken characters'],
  ],
  [
    'an output below 0',
    shell({ outputLimitBytes: -1 }),
    ['spec.executor.shell.outputLimitBytes = -1: must be at least 0'],
  ],
  [
    'an output that is too large',
    shell({ outputLimitBytes: 67_108_865 }),
    ['spec.executor.shell.outputLimitBytes = 67108865: must be at most 67108864'],
  ],
  [
    'an output of a part',
    shell({ outputLimitBytes: 0.5 }),
    ['spec.executor.shell.outputLimitBytes = 0.5: must be a whole number'],
  ],
  [
    'an output with a unit',
    shell({ outputLimitBytes: '1Mi' }),
    ['spec.executor.shell.outputLimitBytes = "1Mi": must be a number'],
  ],
];
