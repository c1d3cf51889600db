import { WheelTimer } from '../clock/index.ts';

/** Calls when something of a room may have to go. */
export class Expiry extends WheelTimer {
  readonly #expire: () => void;
  readonly #onFault: (thrown: unknown) => void;

  constructor(expire: () => void, onFault: (thrown: unknown) => void) {
    super();
    this.#expire = expire;
    this.#onFault = onFault;
  }

  override onTimer(): void {
    this.#expire();
  }

  override onFault(thrown: unknown): void {
    this.#onFault(thrown);
  }
}
