/** Something that the event loop calls: a connection, a session, a timer. */
export interface Guarded {
  /**
   * A call for it threw `thrown`, which is a defect of ours. Ends the one exchange or connection that the call was for, and reports it
   * as HF_INTERNAL. It may be in any state, ended included.
   */
  onFault(thrown: unknown): void;
}

let lastResort = (thrown: unknown): void => {
  // As if nobody had caught it.
  queueMicrotask(() => {
    throw thrown;
  });
};

/** Sets who hears of what is thrown while a fault is being dealt with. Default: it is thrown again, uncaught. */
export function onUnhandledFault(report: (thrown: unknown) => void): void {
  lastResort = report;
}

/** Lets `owner` deal with what a call for it has thrown. Never throws. */
export function fault(owner: Guarded, thrown: unknown): void {
  try {
    owner.onFault(thrown);
  } catch (second) {
    lastResort(thrown);
    if (second !== thrown) lastResort(second);
  }
}

/**
 * A callback for the event loop, whose exceptions end what `owner` stands for and not the process. For callbacks that are made once
 * for a connection or a room; where many share one function, it catches by itself and calls `fault`.
 */
export function guarded<A extends unknown[]>(owner: Guarded, call: (...args: A) => void): (...args: A) => void {
  return (...args) => {
    try {
      call(...args);
    } catch (thrown) {
      fault(owner, thrown);
    }
  };
}
