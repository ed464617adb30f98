import { timing } from '../../domain/policy/timing.ts';
import type { Instant } from '../../domain/time.ts';
import type { Due } from '../agenda/due.ts';

/** The ticks of the live window that came due here, by second: those that may have to be looked at again. */
export class Recent {
  readonly #seconds = new Map<number, Due[]>();

  add(dues: readonly Due[], now: Instant): void {
    for (const due of dues) {
      const second = secondOf(due.tick);
      const others = this.#seconds.get(second);
      if (others === undefined) this.#seconds.set(second, [due]);
      else others.push(due);
    }
    const oldest = secondOf(now - timing.liveWindow);
    for (const second of this.#seconds.keys()) if (second < oldest) this.#seconds.delete(second);
  }

  /** How many ticks are due in the second of this one. */
  countWith(tick: Instant): number {
    return this.#seconds.get(secondOf(tick))?.length ?? 0;
  }

  /** Those that nobody is known to have decided. */
  open(now: Instant): Due[] {
    return [...this.#seconds.values()].flatMap(dues =>
      dues.filter(due => due.state === 'open' && due.tick <= now && now - due.tick <= timing.liveWindow),
    );
  }
}

export function secondOf(tick: Instant): number {
  return Math.floor(tick / 1_000);
}
