/** A change that is ready to come into force. One of the two is called, once. */
export interface Prepared {
  /** Brings it into force, at once. */
  commit(): void;
  /** Something else cannot be changed: everything stays as it is. */
  discard(): void;
}
