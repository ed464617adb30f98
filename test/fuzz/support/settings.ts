/**
 * What all fuzz tests read. `CRONMESH_FUZZ_SEED` repeats a run, `CRONMESH_FUZZ_RUNS` (times the usual number of inputs)
 * makes it longer: `CRONMESH_FUZZ_RUNS=100 node test/run.ts test/fuzz/*.test.ts`.
 */
export const seed = Number(process.env.CRONMESH_FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31));
const factor = Number(process.env.CRONMESH_FUZZ_RUNS ?? 1);

if (!Number.isSafeInteger(seed)) throw new Error('CRONMESH_FUZZ_SEED must be a whole number');
if (!(factor > 0)) throw new Error('CRONMESH_FUZZ_RUNS must be a number above 0');

/** How many inputs to try where `usual` are tried in CI. */
export const runs = (usual: number): number => Math.ceil(usual * factor);

/** For fast-check: it prints the seed and the smallest input that fails. */
export const property = (usual: number) => ({ seed, numRuns: runs(usual) });
