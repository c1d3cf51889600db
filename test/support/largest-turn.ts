/** Counts calls, and how many of them came in one turn of the event loop. */
export class LargestTurn {
  total = 0;
  largest = 0;
  #turn = 0;

  count(): void {
    this.total++;
    if (this.#turn++ === 0) setImmediate(() => this.#endTurn());
    this.largest = Math.max(this.largest, this.#turn);
  }

  #endTurn(): void {
    this.#turn = 0;
  }
}
