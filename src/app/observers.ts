import { type Current, type ExchangeObserver, type ExchangeRecord, Holder } from '../exchange/index.ts';

/** Makes what is told of the exchanges of a role. */
export type ObserverOf = (role: string) => ExchangeObserver;

/** Who is told of the exchanges of each role: an access log, traces. They may come and go while servers run. */
export class Observers {
  readonly #makers = new Map<string, ObserverOf>();
  readonly #roles = new Map<string, Holder<ExchangeObserver | null>>();

  /** The observer of a role; its present value is null while nobody wants to know. */
  of(role: string): Current<ExchangeObserver | null> {
    const holder = this.#roles.get(role) ?? new Holder(this.#newObserver(role));
    this.#roles.set(role, holder);
    return holder;
  }

  /** From now on `make` is asked for an observer of each role, in place of what had this name before. Null: nothing is. */
  use(name: string, make: ObserverOf | null): void {
    if (make === null) this.#makers.delete(name);
    else this.#makers.set(name, make);
    for (const [role, holder] of this.#roles) holder.current = this.#newObserver(role);
  }

  #newObserver(role: string): ExchangeObserver | null {
    const all = [...this.#makers.values()].map((make) => make(role));
    if (all.length <= 1) return all[0] ?? null;
    return { onExchangeEnd: (record) => tellAll(all, record) };
  }
}

function tellAll(observers: readonly ExchangeObserver[], record: ExchangeRecord): void {
  for (let i = 0; i < observers.length; i++) (observers[i] as ExchangeObserver).onExchangeEnd(record);
}
