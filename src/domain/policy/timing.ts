/** The protocol's times, in milliseconds. `docs/protocol.md` says what each is for. */
export const timing = {
  /** Consul's smallest sensible TTL is 10 s; a session may live up to twice its TTL. */
  sessionTtl: 20_000,
  renewEvery: 1_000,
  lockDelay: 15_000,
  /** After the sending of the last successful renewal: everything exclusive has been killed by then. */
  fence: 13_000,
  /** Exclusive runs get TERM this long before the fence. */
  fenceGrace: 3_000,
  /** A tick older than this is never claimed live. */
  liveWindow: 5_000,
  /** A process whose clock is further from its peers' median does not claim, lead or stamp. */
  clockBound: 1_000,
  /** When ranks 1, 2 and all others look after a tick. */
  fallback: [500, 1_000, 2_000],
  /** Added to a fallback for every tick due in the same second: a herd's owner is given time. */
  fallbackPerTick: 0.15,
  /** Rank 0 without room writes the trigger this long after the tick. */
  backlogAfter: 2_500,
  batchWindow: 2,
  /** Cursors are read this long before their tick. */
  readAhead: 1_000,
  beatEvery: 1_000,
  /** A worker that has not raised its beat for so long waits for the leader's next one, as if it had just started. */
  silence: 5_000,
  /** A lost past that a worker finds has reached the leader by then, and its beats under that epoch have ended. */
  doubtWithin: 7_000,
  /** A claim that was sent within a run's starting deadline and is answered so long after it still starts the run. */
  claimAnswer: 1_000,
  /** Without a report for a decided tick for this long, its run is lost. */
  lostAfter: 60_000,
  /** A new leader gives workers' spools this long to empty before it closes anything as lost. */
  lostGrace: 30_000,
} as const;

/** A tick is audited this long after it. */
export const auditAfter = timing.liveWindow + 2 * timing.clockBound + 1_000;

/** 42 claims of three operations, the epoch and the lane: 128 operations. */
export const claimsPerTransaction = 42;
export const releasesPerTransaction = 60;
