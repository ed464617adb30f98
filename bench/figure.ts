/** One line of the table: `ratio` is ours over the peer's, in the sense that `unit` says. */
export interface Figure {
  readonly name: string;
  readonly ratio: number;
  readonly unit: string;
  readonly detail: string;
}
