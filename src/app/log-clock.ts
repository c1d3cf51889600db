const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** The numbers below 1000 with three digits. */
const DIGITS = Array.from({ length: 1_000 }, (_, n) => String(n).padStart(3, '0'));

/** The present time as text, in UTC. What stays the same for a second is made once. */
export class LogClock {
  #now = -1;
  #text = '';
  #second = -1;
  #iso = '';
  #clf = '';

  /** `2026-11-28T22:10:01.123Z` @param now by `Date.now` */
  iso(now: number): string {
    if (now !== this.#now) {
      this.#turnTo(now);
      this.#now = now;
      this.#text = `${this.#iso}.${DIGITS[now % 1_000]}Z`;
    }
    return this.#text;
  }

  /** `28/Nov/2026:22:10:01 +0000` */
  clf(now: number): string {
    this.#turnTo(now);
    return this.#clf;
  }

  #turnTo(now: number): void {
    const second = Math.floor(now / 1_000);
    if (second === this.#second) return;
    this.#second = second;
    const date = new Date(second * 1_000);
    this.#iso = date.toISOString().slice(0, 19);
    this.#clf = `${this.#iso.slice(8, 10)}/${MONTHS[date.getUTCMonth()]}/${this.#iso.slice(0, 4)}:${this.#iso.slice(11)} +0000`;
  }
}

/** Milliseconds with three digits after the point. */
export function millisText(time: number): string {
  const micros = Math.max(0, Math.round(time * 1_000));
  return `${Math.floor(micros / 1_000)}.${DIGITS[micros % 1_000]}`;
}
