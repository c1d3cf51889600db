/** An object that the event loop calls: a connection, a session, a timer. */
export interface Guarded {
  /**
   * A call for it threw `thrown`, which is a defect of ours. Ends the one exchange or connection that the call was for, and reports it as
   * HF_INTERNAL. It may be in any state, even ended.
   */
  onFault(thrown: unknown): void;
}

let lastResort = (thrown: unknown): void => {
  // As if it had not been caught.
  queueMicrotask(() => {
    throw thrown;
  });
};

/** Sets the handler for exceptions thrown while a fault is being handled. Default: it is thrown again, uncaught. */
export function onUnhandledFault(report: (thrown: unknown) => void): void {
  lastResort = report;
}

/** Lets `owner` handle an exception that a call for it threw. Never throws. */
export function fault(owner: Guarded, thrown: unknown): void {
  try {
    owner.onFault(thrown);
  } catch (second) {
    lastResort(thrown);
    if (second !== thrown) lastResort(second);
  }
}

/**
 * Calls `call` for `owner`, which handles what it throws. On a hot path `call` is a function of the module that gets what it needs in `args`:
 * a closure for each request would cost more than the call.
 */
export function attempt<T extends Guarded, A extends unknown[]>(
  owner: T,
  call: (owner: T, ...args: A) => void,
  ...args: A
): void {
  try {
    call(owner, ...args);
  } catch (thrown) {
    fault(owner, thrown);
  }
}

/**
 * A callback for the event loop whose exceptions end what `owner` stands for, not the process. For callbacks made once per connection or
 * room; a function shared by many catches by itself and calls `fault`.
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
