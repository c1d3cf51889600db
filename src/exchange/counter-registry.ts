/** The numbers of one part of the program, by name. */
export type CounterValues = Readonly<Record<string, number>>;

/** The numbers of several parts, by name. */
export type CounterSnapshot = Readonly<Record<string, CounterValues>>;

/** Numbers that are a current level, not a total, end in one of these words. */
const PRESENT = /(?:Open|Held|Failing)$/;

/** Whether a counter with this name is a current level: it goes up and down. */
export function isLevel(name: string): boolean {
  return PRESENT.test(name);
}

/**
 * Collects the counters that rooms write in place. Each part has a name made of its role and what it counts, such as `edge.zmq`. Other
 * processes report snapshots of their own registries, and their numbers are added to the same part here.
 */
export class CounterRegistry {
  readonly #own = new Map<string, object>();
  readonly #reports = new Map<string, CounterSnapshot>();
  /** Totals of processes that have ended. */
  readonly #ended: Record<string, Record<string, number>> = {};

  /**
   * Adds the counters of a part. Snapshots read them.
   * @throws Error when the name is taken
   */
  add(name: string, counters: object): void {
    if (this.#own.has(name)) throw new Error(`counters ${name} are registered already`);
    this.#own.set(name, counters);
  }

  /**
   * Takes another process's counters so far.
   * @param source names the process; a later report replaces this one
   */
  report(source: string, snapshot: CounterSnapshot): void {
    this.#reports.set(source, snapshot);
  }

  /** The process has ended: its totals stay, so that sums never go down; its current levels are dropped. */
  end(source: string): void {
    for (const [name, values] of Object.entries(this.#reports.get(source) ?? {})) {
      addTo(this.#ended, name, Object.fromEntries(Object.entries(values).filter(([key]) => !isLevel(key))));
    }
    this.#reports.delete(source);
  }

  /** All current numbers. */
  snapshot(): CounterSnapshot {
    const sums: Record<string, Record<string, number>> = {};
    for (const [name, counters] of this.#own) addTo(sums, name, counters);
    for (const report of [...this.#reports.values(), this.#ended]) {
      for (const [name, counters] of Object.entries(report)) addTo(sums, name, counters);
    }
    return sums;
  }

  /** Like `snapshot`, grouped by role: `{ edge: { zmq: { … } } }`. */
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
