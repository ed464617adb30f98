/**
 * A whole cluster on one machine, each node in a network namespace of its own: the port between what breaks things
 * (nemeses, the workload) and what they are made of. `openLab` in `open.ts` builds it.
 *
 * What a job's own process knows without asking the product: its node by `hostname` (`worker-1`), and the machine's own
 * clock (`date +%s%N`) whatever its worker's is moved to: a moved clock is that of worker, supervisor and master alone.
 */

/** A network node with what runs on it. */
export interface Node {
  /** `server-0`, `worker-1`, `master-0`, `postgres`. */
  readonly name: string;
  readonly address: string;
}

/** A process on a node, that can be broken and mended in every way a process can. All are idempotent. */
export interface Process {
  readonly running: boolean;
  /** kill -9 of the process alone (a worker's supervisor lives on). Resolves when it is gone. */
  kill(): Promise<void>;
  /** TERM, and wait for its end (KILL after 60 s). Resolves with the exit status. */
  stop(): Promise<number | null>;
  /** Starts it (again); resolves when it was spawned, not when it serves. */
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT, of the process alone. */
  pause(): void;
  resume(): void;
}

export interface ServerNode extends Node {
  readonly consul: Process;
  /** Ends it, removes its data. It is started by the caller. */
  wipe(): Promise<void>;
}

/** A worker or a master, with the Consul agent beside it. */
export interface AgentNode extends Node {
  readonly agent: Process;
  readonly program: Process;
  /** `http://<address>:<port>` of the program, from the harness. */
  readonly http: string;
  /**
   * Moves the wall clock of its programs: `offset` milliseconds, and `drift` milliseconds for each second from now on.
   * The monotonic clock stays. Consul's agent, which needs no libc, sees the machine's own.
   */
  setClock(offset: number, drift?: number): void;
  /** Where its clock is moved to now, in milliseconds. */
  clockOffset(): number;
}

export interface WorkerNode extends AgentNode {
  /** Fills the volume of its spool (24 MB) to the last byte, as it is then; frees it again. */
  fillDisk(): Promise<void>;
  freeDisk(): Promise<void>;
  /** kill -9 of everything on the node but its agent: worker, supervisor, children. */
  killAll(): Promise<void>;
}

export interface PostgresNode extends Node {
  readonly url: string;
  /** An immediate end, as by a crash: it recovers at the next `start`. Nothing starts it but that and `healAll`. */
  crash(): Promise<void>;
  start(): Promise<void>;
  /** SIGSTOP and SIGCONT of all its processes. */
  pause(): void;
  resume(): void;
  fillDisk(): Promise<void>;
  freeDisk(): Promise<void>;
  /** SQL from the harness, past all faults of its network. */
  query<Row>(sql: string, values?: readonly unknown[]): Promise<Row[]>;
}

export interface Impairment {
  /** One way, added to each packet that the node sends and receives. */
  readonly delayMs?: number;
  readonly jitterMs?: number;
  readonly lossPercent?: number;
  readonly duplicatePercent?: number;
}

export interface Network {
  /** Drops everything between the two sides, both ways. The harness itself still reaches all. Gives what heals just that. */
  cut(side: readonly Node[], other: readonly Node[]): Promise<() => Promise<void>>;
  /** Loss, delay, duplication of all that a node sends and receives; of several the newest is in force. Gives what ends it. */
  impair(node: Node, how: Impairment): Promise<() => Promise<void>>;
  /** No cut and no impairment is left. */
  heal(): Promise<void>;
}

export interface Lab {
  /** Logs, proofs, the history. */
  readonly folder: string;
  readonly network: Network;
  readonly servers: readonly ServerNode[];
  readonly workers: readonly WorkerNode[];
  readonly masters: readonly AgentNode[];
  readonly postgres: PostgresNode;
  /** Where the harness listens for http jobs, reachable from every namespace. */
  readonly outside: string;
  /** Consul's leader now, if there is one. */
  consulLeader(): Promise<ServerNode | undefined>;
  /** The master that leads now, from `cron/leader/*` in Consul. */
  leadingMaster(): Promise<AgentNode | undefined>;
  transferConsulLeader(to: ServerNode): Promise<void>;
  /** A GET of Consul's HTTP API by the first server that answers, past all faults; undefined of 404. @throws when none answers */
  askConsul<T>(path: string): Promise<T | undefined>;
  saveSnapshot(): Promise<string>;
  restoreSnapshot(path: string): Promise<void>;
  /** Everything runs, nothing is cut, stopped, full or shifted. Resolves when it was undone, not when the cluster is well. */
  healAll(): Promise<void>;
  /** Every master ready and every worker ready in the catalog, and Consul with a quorum. */
  well(timeoutMs: number): Promise<void>;
  /** Measures once, from outside the product. */
  probe(): Promise<import('../history/history.ts').Probe>;
  /** Ends everything that it started, removes namespaces, mounts and devices. Idempotent; also after a failed open. */
  close(): Promise<void>;
}

export interface LabOptions {
  /** The path of the `cronmesh` program; the checkout's own by default. For mutated products. */
  readonly product?: string;
  readonly workers?: number;
  readonly masters?: number;
  readonly servers?: number;
  readonly env?: {
    readonly worker?: Readonly<Record<string, string>>;
    readonly master?: Readonly<Record<string, string>>;
  };
}
