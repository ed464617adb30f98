import type { ShellExecutorSpec } from '../job/spec.ts';

/** Programs that take the word after `-c CMD` for their own name, `$0`, and only what follows for arguments. */
const shells = /(^|\/)(ba|da|a|k|mk|z)?sh$/;

/**
 * The program and arguments that a shell job comes to, with the arguments that were asked for with the run: `$1` and on
 * of a command given as a string, behind a list, those of a script.
 *
 * @param script where the script's body was written; unused without one
 * @example shellCommand(shellExecutor.parse({ command: 'echo "$1"' }), ['a b']) // ['/bin/sh', '-c', 'echo "$1"', 'sh', 'a b']
 */
export function shellCommand(
  { command, interpreter }: Pick<ShellExecutorSpec, 'command' | 'interpreter'>,
  added: readonly string[] = [],
  script = 'script',
): readonly string[] {
  if (command === undefined) return [interpreter, script, ...added];
  if (typeof command !== 'string') return [...command, ...added];
  const own = added.length > 0 && shells.test(interpreter) ? ['sh'] : [];
  return [interpreter, '-c', command, ...own, ...added];
}
