/** Lines that wait, within a bound of bytes: at the bound the oldest go. */
export class LineQueue {
  readonly #limit: number;
  #lines: string[] = [];
  /** Those before it were taken. */
  #head = 0;
  #bytes = 0;
  #dropped = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get size(): number {
    return this.#lines.length - this.#head;
  }

  /** Lines that had to go, since the beginning. */
  get dropped(): number {
    return this.#dropped;
  }

  add(line: string): void {
    this.#lines.push(line);
    this.#bytes += cost(line);
    while (this.#bytes > this.#limit && this.size > 0) {
      this.#shift();
      this.#dropped++;
    }
  }

  /** Takes lines from the front, up to so many bytes; at least one, where there is one. */
  take(bytes: number): string[] {
    const taken: string[] = [];
    for (let sum = 0; this.size > 0 && (taken.length === 0 || sum < bytes); ) {
      const line = this.#shift();
      sum += cost(line);
      taken.push(line);
    }
    return taken;
  }

  #shift(): string {
    const line = this.#lines[this.#head] as string;
    this.#lines[this.#head++] = '';
    this.#bytes -= cost(line);
    if (this.#head > 1_024 && this.#head * 2 > this.#lines.length) {
      this.#lines = this.#lines.slice(this.#head);
      this.#head = 0;
    }
    return line;
  }
}

/** As the process's memory has it, about. */
const cost = (line: string): number => line.length + 48;
