/**
 * What the checker allows, in milliseconds: the product's stated times (docs/protocol.md), and what measuring them from
 * outside, on a busy machine, adds. Written out here, and not imported: what is checked must not say how.
 */
export const bounds = {
  /** A tick starts live at most this long after it: the live window of the claim … */
  liveWindow: 5_000,
  /** … and from the claim to the first instruction of the run. */
  startSlack: 2_500,
  /** A process whose clock is further off neither claims nor leads. */
  clockBound: 1_000,
  /** Edges at which a fault and its probe are not told apart. */
  probeSlack: 1_000,
  /** A worker that was back, and saw Consul, for so long claims: session, baseline, the leader's beat, preparation. */
  workerBack: 15_000,
  /** Where a worker needs a leader: some master was well for so long. Session TTL up to 2 × 20 s, lock delay 15 s. */
  leaderBack: 60_000,
  /** A worker that was away for no longer than this need not wait for the leader's beat. */
  silence: 3_000,
  /** After Consul was made to lose its past and answers again: the wait for the next epoch is 20 s. */
  epochWait: 30_000,
  /** A lost past makes doubtful what was claimed this long before it, and not reported. */
  lostPast: 65_000,
  /** A lock is free this long after its run's end: deferred release 1 s, and what is measured late. */
  release: 3_000,
  /** The same where the holder or Consul was broken: session TTL up to 2 × 20 s, lock delay 15 s. */
  orphanedLock: 60_000,
  /** Twice a session's TTL, and what comes between its end and a start. */
  sessionEnd: 41_500,
  /** After a fault of those who would have claimed a tick. */
  faultTail: 10_000,
  /** After it was acknowledged, and while masters and Consul are well, a change is in force. */
  inForce: 5_000,
  /** After the last heal firing is normal. */
  recovery: 60_000,
  /** No fault is so near to a calm tick. */
  calm: 30_000,
  /** A run of which no report comes is closed: 60 s, or 30 s of a new leader; then what the audit takes. */
  settle: 100_000,
  /** From a run's end to its report in the database while nothing is broken. */
  report: 5_000,
  /** Most claims that a worker's death can leave without a start: two transactions of 42. */
  claimsInFlight: 84,
  /** REST shows a run's times by its worker's clock. */
  times: 1_500,
  /** Processes were seen to be gone within 100 ms. */
  goneSlack: 150,
  /** … of shell runs, on a busy machine, later: what overlaps for less the kernel tells, by the locks that they hold. */
  goneLate: 1_000,
  /** A worker's job set follows Consul's. */
  jobSet: 5_000,
} as const;
