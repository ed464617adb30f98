import { runModuleHost } from '../worker/modules/host.ts';

/** The program in which modules are loaded and run. A worker and its supervisor fork it; nobody else has a use for it. */
if (process.send) runModuleHost();
else {
  process.stderr.write('the module host is started by a worker, not by hand\n');
  process.exitCode = 2;
}
