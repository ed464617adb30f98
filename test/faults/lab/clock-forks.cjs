// Required by a worker of the lab before anything else: a supervisor runs on the same machine as its worker, so it gets
// the same shifted clock. The product gives it a picked environment, and has no reason to pick a test's variables.
const processes = require('node:child_process');
const { syncBuiltinESMExports } = require('node:module');

const { fork } = processes;
const ours = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => name === 'LD_PRELOAD' || /^(NO_FAKE_|FAKETIME_(?!SHARED))/.test(name)),
);
processes.fork = (program, args, options) => fork(program, args, { ...options, env: { ...options.env, ...ours } });
syncBuiltinESMExports();
