/**
 * A value that is replaced as a whole while the program runs, such as the options that a reload changes. Read `current` for each request and
 * keep it only for that request: a copy kept longer misses the replacement.
 */
export interface Current<T> {
  readonly current: T;
}

/** Holds a value that can be replaced, and lets others see it, or a part of it. */
export class Holder<T> implements Current<T> {
  current: T;

  constructor(current: T) {
    this.current = current;
  }

  /** A part of the value; it changes with the whole. */
  part<P>(select: (whole: T) => P): Current<P> {
    return new Part(this, select);
  }
}

class Part<T, P> implements Current<P> {
  readonly #whole: Current<T>;
  readonly #select: (whole: T) => P;

  constructor(whole: Current<T>, select: (whole: T) => P) {
    this.#whole = whole;
    this.#select = select;
  }

  get current(): P {
    return this.#select(this.#whole.current);
  }
}
