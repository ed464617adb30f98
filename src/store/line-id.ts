/** Larger than every sequence, so that attempts never mix. */
export const attemptStep = 2 ** 32;

/** The id of a line of a run's output: grows with its attempt, and within it. */
export const lineId = (attempt: number, sequence: number): number => attempt * attemptStep + sequence;
