/** One deliberate defect of the product, and the run of the harness that must show it. */
export interface Mutation {
  readonly name: string;
  /** What it breaks, and why that is seen. */
  readonly what: string;
  /** Each `old` is there exactly once: `mutations.test.ts` holds it. */
  readonly edits: readonly { readonly file: string; readonly old: string; readonly now: string }[];
  /** Names for `--nemesis`. */
  readonly nemeses: readonly string[];
  readonly minutes: number;
  /** Tried one after another until one shows it. */
  readonly seeds: readonly number[];
  /** The rules that say so; a run that is refused by others alone was not caught for its defect. */
  readonly rules: readonly string[];
}

export const mutations: readonly Mutation[] = [
  {
    name: 'cursor-check',
    what: 'A tick that the cursor has passed is claimed again: by the workers that look after 0.5 s, 1 s and 2 s.',
    edits: [
      {
        file: 'src/domain/policy/claiming.ts',
        old: "  if (bounds.decided !== undefined && tick <= bounds.decided) return 'decided';\n",
        now: '',
      },
      {
        file: 'src/worker/claims/dispatcher.ts',
        old: '      if (one !== undefined && (record === undefined || record.tick < due.tick)) {\n',
        now: '      if (one !== undefined) {\n',
      },
    ],
    nemeses: ['kill-worker'],
    minutes: 3,
    seeds: [101, 102],
    rules: ['double start'],
  },
  {
    name: 'lock',
    what: 'A slot is written without being locked: whoever comes next writes over it, and runs beside it.',
    edits: [
      {
        file: 'src/worker/claims/tick-proposals.ts',
        old: "const lock = { verb: 'lock', key: claim.lockKey, value, session: context.session } as const;",
        now: "const lock = { verb: 'set', key: claim.lockKey, value } as const;",
      },
    ],
    nemeses: ['kill-worker'],
    minutes: 3,
    seeds: [101, 102],
    rules: ['overlap'],
  },
  {
    name: 'fence',
    what: 'The lease counts from the answer of a renewal, which may take its time: a worker that was stopped in between believes in a session that is long gone, and what it had claimed starts beyond all fences.',
    edits: [
      {
        file: 'src/coordination/consul/consul.ts',
        old: 'const renewalTimeout: Milliseconds = 3_000;',
        now: 'const renewalTimeout: Milliseconds = 120_000;',
      },
      {
        file: 'src/coordination/session.ts',
        old: '        await this.#options.coordinator.renewSession(session, signal);\n',
        now: '        await this.#options.coordinator.renewSession(session, signal);\n        sentMonotonic = monotonicNow();\n',
      },
      {
        file: 'src/coordination/session.ts',
        old: '        this.#tell(() => this.#options.onLease?.({ session, sentMonotonic, sentWall }));\n      } catch',
        now: '        this.#tell(() => this.#options.onLease?.({ session, sentMonotonic, sentWall: this.#clock() + 0 * sentWall }));\n      } catch',
      },
    ],
    nemeses: ['stop-slow-workers'],
    minutes: 5.5,
    seeds: [101, 102, 103],
    rules: ['fence', 'overlap'],
  },
  {
    name: 'spool',
    what: 'Reports are forgotten when they were sent, not when a master has committed them.',
    edits: [
      {
        file: 'src/worker/reporting/reporter.ts',
        old: '        acknowledged = delivery\n          .then(() => before)\n',
        now: '        delivery.catch(() => {});\n        acknowledged = before\n',
      },
    ],
    nemeses: ['crash-postgres', 'cut-worker-masters'],
    minutes: 3.5,
    seeds: [101, 102],
    rules: ['result', 'lost', 'log', 'missed', 'untrue outcome', 'left open'],
  },
  {
    name: 'skip-not-recorded',
    what: 'Skips never reach the database: their ticks have neither a run nor a reason.',
    edits: [
      {
        file: 'src/store/prisma/skips.ts',
        old: '  if (skips.length > 0) await on.$executeRaw(skipInsertion(skips, now));\n',
        now: '  if (skips.length > 1e9) await on.$executeRaw(skipInsertion(skips, now));\n',
      },
    ],
    nemeses: ['kill-worker'],
    minutes: 3,
    seeds: [101, 102],
    rules: ['missed'],
  },
  {
    name: 'epoch',
    what: 'After Consul lost its past the next epoch begins at once, and nobody heeds its floor: what had been claimed in the lost past is claimed again.',
    edits: [
      {
        file: 'src/master/leader/epoch.ts',
        old: '    await pause(detected + timing.epochWait - clock(), signal);\n    signal.throwIfAborted();\n    const floor = clock();\n',
        now: '    signal.throwIfAborted();\n    const floor = clock() - timing.epochWait;\n    await pause(detected - clock(), signal);\n',
      },
    ],
    nemeses: ['restore-snapshot'],
    minutes: 4.5,
    seeds: [101, 102, 103],
    rules: ['double start'],
  },
  {
    name: 'publication',
    what: 'A job is published whatever Consul has by then: a master that was stopped in the middle publishes the past.',
    edits: [
      {
        file: 'src/coordination/publish.ts',
        old: "operations.push(value === undefined ? { verb: 'delete-cas', key, index } : { verb: 'cas', key, value, index });",
        now: "operations.push(value === undefined ? { verb: 'delete-cas', key, index } : { verb: 'set', key, value });",
      },
      {
        file: 'src/coordination/publish.ts',
        old: "operations.push({ verb: 'cas', key: feedPath(shard), value, index: entry?.index ?? 0 });",
        now: "operations.push({ verb: 'set', key: feedPath(shard), value });",
      },
      {
        file: 'src/coordination/publish.ts',
        old: "operations.push({ verb: 'cas', key: feedHeadKey, value: encode(head), index: previous });",
        now: "operations.push({ verb: 'set', key: feedHeadKey, value: encode(head) });",
      },
    ],
    nemeses: ['stop-publisher'],
    minutes: 5,
    seeds: [101, 102, 103],
    rules: ['publication', 'request', 'job set', 'unasked start'],
  },
  {
    name: 'everything-skipped',
    what: 'From 90 s after its start on a worker skips every tick: nothing is doubled, nothing is silent, and nothing runs.',
    edits: [
      {
        file: 'src/worker/claims/tick-claims.ts',
        old: '    slots.take(lockKey);\n',
        now: "    if (process.uptime() > 90) {\n      room.give();\n      this.#decide(due, seen, { kind: 'skip', reason: 'ConcurrencyLimit', detail: 'all slots are held' });\n      return;\n    }\n    slots.take(lockKey);\n",
      },
    ],
    nemeses: ['kill-leader'],
    minutes: 3,
    seeds: [101, 102],
    rules: ['untrue reason'],
  },
];
