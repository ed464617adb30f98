/**
 * What one run of the fault harness leaves behind: a folder of JSON files, written by the harness and read by the
 * checker, which knows nothing else. Instants are epoch milliseconds of the machine's own clock, which no fault moves.
 */

/** The harness's own limits and settings, as the checker needs them. `run.json`. */
export interface RunFacts {
  readonly seed: number;
  readonly nemeses: readonly string[];
  /** The first tick that is judged comes after it. */
  readonly from: number;
  /** The last fault was healed. */
  readonly healedAt: number;
  /** The last tick that is judged is at or before it; nothing was edited, asked for or broken after `healedAt`. */
  readonly to: number;
  /** When everything below `final.json` was read. */
  readonly readAt: number;
  readonly workers: readonly string[];
  readonly masters: readonly string[];
  readonly capacity: number;
  /** What the product was started with. */
  readonly settings: { readonly drainSeconds: number };
}

/** One change of a job that a client asked for. `edits.jsonl`, in the order of sending. */
export interface Edit {
  readonly namespace: string;
  readonly name: string;
  readonly sent: number;
  readonly answered: number;
  /** `unknown`: no answer, or 5xx: it may be in force, or come into force. */
  readonly result: 'done' | 'refused' | 'unknown';
  readonly status?: number;
  readonly action: 'create' | 'replace' | 'suspend' | 'resume' | 'delete';
  /** Of the job as it was answered; of `delete` and `unknown` what is known. */
  readonly uid?: string;
  readonly revision?: number;
  /** `metadata.creationTimestamp` of the answer: what `@every` counts from. */
  readonly anchor?: number;
  /** The whole spec with all defaults, as the answer gave it (for `unknown`, the spec that was sent). Absent for delete. */
  readonly spec?: JobSpecView;
}

/** The fields of a spec that the checker judges by; others may be there. */
export interface JobSpecView {
  readonly schedule: string;
  readonly timeZone?: string;
  readonly suspend?: boolean;
  readonly startingDeadlineSeconds: number;
  readonly concurrencyPolicy: 'Allow' | 'Forbid' | 'Replace' | 'Queue';
  readonly maxConcurrentRuns?: number;
  readonly maxQueuedRuns?: number;
  readonly misfirePolicy: 'Skip' | 'RunLatest' | 'RunAll';
  readonly misfireLimit: number;
  readonly timeoutSeconds?: number;
  readonly retry?: {
    readonly limit: number;
    readonly on: { readonly outcomes: readonly string[] };
    readonly backoff: { readonly initialSeconds: number; readonly factor: number; readonly maximumSeconds: number };
  };
  readonly executor: Readonly<Record<string, unknown>>;
  readonly terminationGraceSeconds?: number;
}

/** A run, or a kill, that a client asked for. `requests.jsonl`. */
export interface Request {
  readonly action: 'trigger' | 'kill';
  readonly namespace: string;
  readonly name: string;
  readonly sent: number;
  readonly answered: number;
  readonly result: 'done' | 'refused' | 'unknown';
  readonly status?: number;
  /** The run that the answer named (trigger), or that is to be killed. */
  readonly run?: string;
}

/**
 * What a job's own process told, and nobody else: the ground truth. `starts.jsonl`, one line for each attempt that began,
 * joined from the lines `start` and `end` that it appended itself (shell) or that the receiver wrote (http).
 */
export interface Start {
  readonly namespace: string;
  readonly name: string;
  readonly kind: 'shell' | 'http';
  readonly run: string;
  readonly attempt: number;
  /** CRONMESH_TICK; absent for runs asked for by hand. */
  readonly tick?: number;
  /** Name of the worker, without the suffix of its process. */
  readonly worker: string;
  readonly token: string;
  /** Of the first instruction of the run itself. */
  readonly at: number;
  /** Of its last one; absent when it was ended from outside. */
  readonly end?: number;
  /** The instant at which all its processes were seen to be gone, when it was ended from outside (within 100 ms). */
  readonly gone?: number;
  /** It found all the locks (flock) that its job's limit allows held by other runs' processes: an overlap, proven by the kernel. */
  readonly overlapped?: boolean;
  /** Lines that it printed, in order. */
  readonly printed: readonly string[];
  /** The status that it exits with, or is to be judged by, when it comes to its end. */
  readonly exit?: number;
}

/** One fault, from its beginning to its healing. `faults.jsonl`. */
export interface Fault {
  readonly nemesis: string;
  /** Names of nodes: `worker-1`, `master-0`, `server-2`, `agent-worker-1`, `postgres`. */
  readonly targets: readonly string[];
  readonly from: number;
  readonly to: number;
  /** What kind of thing it does to its targets; the checker judges by this and not by the nemesis's name. */
  readonly effect:
    | 'killed' // kill -9, started again at `to`
    | 'stopped' // SIGSTOP … SIGCONT
    | 'restarted' // TERM, and started again
    | 'cut' // partitioned from Consul (all of it)
    | 'cut-masters' // workers from masters
    | 'split' // Consul's servers from one another
    | 'impaired' // loss, delay, duplication
    | 'leader-changed'
    | 'wiped' // Consul lost everything
    | 'restored' // Consul went back to a snapshot
    | 'database-away'
    | 'database-full'
    | 'database-slow'
    | 'spool-full'
    | 'clock'; // a shifted wall clock
  readonly detail: Readonly<Record<string, unknown>>;
}

/** What was measured from outside the product, twice a second. `probes.jsonl`. */
export interface Probe {
  readonly at: number;
  /** A write and a consistent read through any Consul server were answered (each with 2 s time-out). */
  readonly quorum: boolean;
  /** A query was answered by PostgreSQL, from its own namespace. */
  readonly database: boolean;
  readonly workers: Readonly<Record<string, NodeProbe>>;
  readonly masters: Readonly<Record<string, NodeProbe>>;
}

export interface NodeProbe {
  /** Its process is there and not stopped. */
  readonly alive: boolean;
  /** A consistent read through the node's own Consul agent, from its namespace, was answered within 2 s. */
  readonly consul: boolean;
  /** How far its wall clock is moved now, in milliseconds. */
  readonly clockOffset: number;
  /** Its spool's volume takes writes. Workers only. */
  readonly spool?: boolean;
}

/** What `GET /jobs` of each worker says beside what Consul has, once a second. `job-sets.jsonl`. */
export interface JobSets {
  readonly at: number;
  /** `<namespace>/<name>` → revision, as in `cron/jobs/`; absent when it could not be read. */
  readonly consul?: Readonly<Record<string, number>>;
  readonly workers: Readonly<Record<string, Readonly<Record<string, number>> | undefined>>;
}

/** Runs whose state a client saw, each time that it had changed. `seen.jsonl`, by polling REST once a second. */
export interface SeenRun {
  readonly at: number;
  readonly master: string;
  readonly id: string;
  readonly attempt: number;
  readonly state: string;
}

/** What the product says in the end. `final.json`, by REST of each master in turn, and the rows by SQL. */
export interface Final {
  readonly masters: Readonly<Record<string, FinalView>>;
  /** From PostgreSQL itself: id → state, attempt, token, and the whole output. */
  readonly rows: readonly {
    readonly id: string;
    readonly state: string;
    readonly attempt: number;
    readonly token?: string;
  }[];
  /** A report with an older fencing token and a report of an older attempt were sent over gRPC for these runs: unchanged? */
  readonly staleReports: readonly { readonly run: string; readonly sent: string; readonly changed: boolean }[];
  /** Keys in Consul below these prefixes, with every run ended. */
  readonly consul: {
    readonly locks: readonly string[];
    readonly triggers: readonly string[];
    readonly killers: readonly string[];
  };
}

export interface FinalView {
  readonly runs: readonly FinalRun[];
  readonly skips: readonly FinalSkip[];
  /** `GET /api/v1/runs/{id}/logs` as lines: each run that has a start is read by one of the masters. */
  readonly logs: Readonly<Record<string, readonly string[]>>;
}

export interface FinalRun {
  readonly id: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly trigger: string;
  readonly tick?: number;
  readonly attempt: number;
  readonly state: string;
  readonly reason?: string;
  readonly message?: string;
  readonly worker?: string;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
}

export interface FinalSkip {
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly from: number;
  readonly to: number;
  readonly count: number;
  readonly reason: string;
  readonly detail: string;
}

/** The whole history, as the checker reads it from its folder. */
export interface History {
  readonly run: RunFacts;
  readonly edits: readonly Edit[];
  readonly requests: readonly Request[];
  readonly starts: readonly Start[];
  readonly faults: readonly Fault[];
  readonly probes: readonly Probe[];
  readonly jobSets: readonly JobSets[];
  readonly seen: readonly SeenRun[];
  readonly final: Final;
}

/** What the checker says: `verdict.json` in the same folder. */
export interface Verdict {
  readonly counts: {
    readonly ticks: number;
    readonly starts: number;
    readonly manual: number;
    /** Ticks with a recorded skip, by its reason. */
    readonly skips: Readonly<Record<string, number>>;
    /** Ticks without a live start that were excused: no quorum, or no eligible worker, measured from outside. */
    readonly excused: number;
    readonly lost: number;
    readonly catchups: number;
    readonly doubles: number;
    readonly overlaps: number;
    readonly missed: number;
  };
  /** Start after the tick, in milliseconds, of ticks that no fault was near (by the probes), and of all live starts. */
  readonly lateness: { readonly calm: Percentiles; readonly all: Percentiles };
  /** Each promise that was broken, with what shows it. Empty: passed. */
  readonly violations: readonly { readonly rule: string; readonly what: string }[];
}

export interface Percentiles {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}
