import type { NewNotification, NotificationContent } from '../../domain/notification/notification.ts';
import { missedReasons, notificationOf, rulesFor } from '../../domain/notification/rules.ts';
import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Skip } from '../../store/store.ts';
import type { Office } from '../leader/office.ts';
import type { PolicyIndex } from '../leader/policy-index.ts';
import { about, jobOf, lateMessage } from './tell-ends.ts';
import type { Teller } from './teller.ts';

/** Runs that are late are looked for this far back: what a leader that was away for longer missed is not news. */
const lateWindow: Milliseconds = 3_600_000;
/** Skips are looked for again this far back: a commit may be late, and masters' clocks differ. Telling twice is telling once. */
const overlap: Milliseconds = 30_000;
const page = 1_000;

/** Tells of runs that are late, and of ticks without a run. */
export class TellTimes {
  readonly #office: Office;
  readonly #jobs: PolicyIndex;
  readonly #teller: Teller;
  #skipsUntil: Instant;

  constructor(office: Office, jobs: PolicyIndex, teller: Teller) {
    this.#office = office;
    this.#jobs = jobs;
    this.#teller = teller;
    this.#skipsUntil = office.clock() - lateWindow;
  }

  /** @throws StaleTermError */
  async pass(): Promise<void> {
    const now = this.#office.clock();
    await this.#teller.tell([...(await this.#late(now)), ...(await this.#missed(now))]);
  }

  async #late(now: Instant): Promise<readonly NewNotification[]> {
    const { store } = this.#office;
    const byLateness = new Map<number, { jobUid: NewNotification['jobUid']; namespace: string; name: string }[]>();
    for (const { uid: jobUid, namespace, name, spec } of this.#jobs.spells()) {
      for (const seconds of new Set(rulesFor(spec, isLateRule).map(({ rule }) => rule.latenessSeconds))) {
        byLateness.set(seconds, [...(byLateness.get(seconds) ?? []), { jobUid, namespace, name }]);
      }
    }
    const wanted: NewNotification[] = [];
    for (const [seconds, jobs] of byLateness) {
      const lateness = seconds * 1_000;
      for (const run of await store.lateRuns(jobs, { since: now - lateness - lateWindow, now, lateness })) {
        const spell = this.#jobs.get(run.jobUid);
        if (spell === undefined) continue;
        const due = run.tick ?? run.requestedAt;
        const content = { ...about(run), at: due, event: 'Late', message: lateMessage(run, due, seconds) } as const;
        const rules = rulesFor(spell.spec, rule => isLateRule(rule) && rule.latenessSeconds === seconds);
        wanted.push(...rules.map(one => notificationOf(jobOf(run), one, run.id, content)));
      }
    }
    return wanted;
  }

  async #missed(now: Instant): Promise<readonly NewNotification[]> {
    const jobs = [...this.#jobs.spells()].filter(({ spec }) => rulesFor(spec, isMissedRule).length > 0);
    let after = this.#skipsUntil - overlap;
    const wanted: NewNotification[] = [];
    for (let count = page; jobs.length > 0 && count === page; ) {
      const skips = await this.#office.store.skipsRecordedAfter(
        after,
        jobs.map(({ uid }) => uid),
        page,
      );
      count = skips.length;
      // Those of the last instant may be cut by the page's end.
      after = count === page ? (skips.at(-1)?.recordedAt ?? after) - 1 : after;
      wanted.push(...skips.filter(({ reason }) => missedReasons.has(reason)).flatMap(skip => this.#ofSkip(skip)));
      if (count === page && skips[0]?.recordedAt === skips.at(-1)?.recordedAt) after += 1;
    }
    this.#skipsUntil = now;
    return wanted;
  }

  #ofSkip(skip: Skip): readonly NewNotification[] {
    const spell = this.#jobs.get(skip.jobUid);
    if (spell === undefined) return [];
    const { namespace, name, from, to, count, reason, detail, recordedAt: at } = skip;
    const content: NotificationContent = {
      event: 'Missed',
      namespace,
      job: name,
      at,
      tick: from,
      until: to,
      count,
      reason,
      message: detail,
    };
    const what = `${skip.jobUid}-${from.toString(36)}-${to.toString(36)}-${reason}`;
    return rulesFor(spell.spec, isMissedRule).map(one => notificationOf(jobOf(skip), one, what, content));
  }
}

const isLateRule = (rule: { readonly events: readonly string[] }): boolean => rule.events.includes('Late');
const isMissedRule = (rule: { readonly events: readonly string[] }): boolean => rule.events.includes('Missed');
