/**
 * Milliseconds during which further signals count as the first one: Ctrl-C under npm reaches the process twice, from the terminal
 * and from npm.
 */
const SAME_SIGNAL_MS = 500;

/** The actions of a `StopSignals`. */
export interface StopActions {
  /** Drains and stops. */
  readonly stop: (signal: string) => Promise<void>;
  /** Ends the process. */
  readonly exit: (code: number) => void;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Handles SIGTERM and SIGINT: the first one drains and exits with 0, the next one exits with 1 at once. */
export class StopSignals {
  readonly #actions: StopActions;
  #first: number | null = null;

  constructor(actions: StopActions) {
    this.#actions = actions;
  }

  /** A signal has arrived. */
  receive(signal: string): void {
    const { stop, exit, now } = this.#actions;
    if (this.#first === null) {
      this.#first = now();
      void stop(signal).then(() => exit(0));
    } else if (now() - this.#first >= SAME_SIGNAL_MS) {
      exit(1);
    }
  }
}
