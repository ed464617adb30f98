import { z } from 'zod';

/** Parts of the shell executor: as whom and within which limits the process runs. */

export const processUser = z.union([
  z.int().min(0).max(4_294_967_294),
  z
    .string()
    .regex(
      /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/,
      "must be a user's name (letters, digits, '_', '.' and '-'), or a uid as a number",
    ),
]);

/** Each is set for the main process and inherited by what it starts, as by `ulimit`. */
export const processLimits = z.strictObject({
  cpuSeconds: z
    .int()
    .min(1)
    .max(31_536_000)
    .describe('Processor time of each process; beyond it comes SIGXCPU, a second later SIGKILL.')
    .optional(),
  memoryBytes: z
    .int()
    .min(1_048_576)
    .max(1_125_899_906_842_624)
    .describe('Address space of each process: allocations beyond it fail.')
    .optional(),
  openFiles: z.int().min(3).max(1_048_576).describe('Open files of each process.').optional(),
  processes: z
    .int()
    .min(1)
    .max(4_194_304)
    .describe('Processes and threads of the user on the worker’s machine, all runs together; not for root.')
    .optional(),
  fileBytes: z
    .int()
    .min(0)
    .max(1_125_899_906_842_624)
    .describe('Size of each file that is written; beyond it comes SIGXFSZ.')
    .optional(),
});

export type ProcessUser = z.output<typeof processUser>;
export type ProcessLimits = z.output<typeof processLimits>;
