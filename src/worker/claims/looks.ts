import type { Instant, Milliseconds } from '../../domain/time.ts';
import type { Due } from '../agenda/due.ts';
import type { Alarm } from '../alarm.ts';

/** Looks that are due within this time share their reads. */
const together: Milliseconds = 20;

/** Ticks that are to be looked at later, by when. */
export class Looks {
  readonly #alarm: Alarm;
  readonly #look: (dues: readonly Due[]) => void;
  readonly #planned = new Map<Instant, Set<Due>>();

  constructor(alarm: Alarm, look: (dues: readonly Due[]) => void) {
    this.#alarm = alarm;
    this.#look = look;
  }

  at(at: Instant, due: Due): void {
    const turn = Math.ceil(at / together) * together;
    const others = this.#planned.get(turn);
    if (others !== undefined) {
      others.add(due);
      return;
    }
    const dues = new Set([due]);
    this.#planned.set(turn, dues);
    this.#alarm.at(turn, () => {
      this.#planned.delete(turn);
      this.#look([...dues]);
    });
  }
}
