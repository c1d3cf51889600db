/** The numbers of one part of the program, by name. */
export type CounterValues = Readonly<Record<string, number>>;

/** The numbers of several parts, by the names that they were added under. */
export type CounterSnapshot = Readonly<Record<string, CounterValues>>;

/** Numbers that say how much there is now, and not how much there has been, end in one of these words. */
const PRESENT = /(?:Open|Held)$/;

/**
 * Collects the counters that rooms write in place. Each part has a name of its role and what it counts, such as `edge.zmq`. Other
 * processes report a snapshot of their own registry, and their numbers are added to those of the same part here.
 */
export class CounterRegistry {
  readonly #own = new Map<string, object>();
  readonly #reports = new Map<string, CounterSnapshot>();
  /** What processes counted that have ended. */
  readonly #ended: Record<string, Record<string, number>> = {};

  /**
   * Adds the counters of a part. Their numbers are read when a snapshot is taken.
   * @throws Error when the name is taken
   */
  add(name: string, counters: object): void {
    if (this.#own.has(name)) throw new Error(`counters ${name} are registered already`);
    this.#own.set(name, counters);
  }

  /**
   * Takes what another process has counted so far.
   * @param source names the process. A later report of the same source replaces this one
   */
  report(source: string, snapshot: CounterSnapshot): void {
    this.#reports.set(source, snapshot);
  }

  /** The process has ended: what it counted stays, so that totals do not go down, and what it had open or held is gone. */
  end(source: string): void {
    for (const [name, values] of Object.entries(this.#reports.get(source) ?? {})) {
      addTo(this.#ended, name, Object.fromEntries(Object.entries(values).filter(([key]) => !PRESENT.test(key))));
    }
    this.#reports.delete(source);
  }

  /** All numbers as they are now. */
  snapshot(): CounterSnapshot {
    const sums: Record<string, Record<string, number>> = {};
    for (const [name, counters] of this.#own) addTo(sums, name, counters);
    for (const report of [...this.#reports.values(), this.#ended]) {
      for (const [name, counters] of Object.entries(report)) addTo(sums, name, counters);
    }
    return sums;
  }

  /** As `snapshot`, in a table for each role: `{ edge: { zmq: { … } } }`. */
  byRole(): Readonly<Record<string, CounterValues | CounterSnapshot>> {
    const roles: Record<string, CounterValues | Record<string, CounterValues>> = {};
    for (const [name, values] of Object.entries(this.snapshot())) {
      const dot = name.indexOf('.');
      if (dot < 0) roles[name] = values;
      else
        roles[name.slice(0, dot)] = { ...roles[name.slice(0, dot)], [name.slice(dot + 1)]: values } as CounterSnapshot;
    }
    return roles;
  }
}

function addTo(sums: Record<string, Record<string, number>>, name: string, counters: object): void {
  const values = sums[name] ?? {};
  sums[name] = values;
  for (const [key, value] of Object.entries(counters)) {
    if (typeof value === 'number') values[key] = (values[key] ?? 0) + value;
  }
}
