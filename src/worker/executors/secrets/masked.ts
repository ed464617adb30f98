import type { AttemptResult, StartRequest } from '../../supervisor/protocol.ts';
import type { Execution, ExecutionHooks, Executor } from '../executor.ts';
import type { Masking } from '../output/masker.ts';

const streams = ['stdout', 'stderr'] as const;

/** An execution in whose output and result values are hidden, whatever the executor does itself. */
export function masked(executor: Executor, request: StartRequest, hooks: ExecutionHooks, masking: Masking): Execution {
  const maskers = { stdout: masking.stream(), stderr: masking.stream() };
  const execution = executor.execute(request, {
    ...hooks,
    masking,
    progress: (percent, message) => hooks.progress(percent, message === undefined ? undefined : masking.text(message)),
    output(stream, text) {
      // Its pieces are whole lines, which nothing is to be held back of.
      const shown = stream === 'system' ? masking.text(text) : maskers[stream].take(text);
      return shown === '' ? undefined : hooks.output(stream, shown);
    },
  });
  const result = execution.result.then((result): AttemptResult => {
    for (const stream of streams) {
      const rest = maskers[stream].end();
      if (rest !== '') void hooks.output(stream, rest);
    }
    return result.message === undefined ? result : { ...result, message: masking.text(result.message) };
  });
  return {
    result,
    end: (reason, grace) => execution.end(reason, grace),
    ...(execution.answer && { answer: answer => execution.answer?.(answer) }),
  };
}
