/** Is told when a message has left, or why it has not. */
export type OnSent = (error: Error | null) => void;

/**
 * Those who wait for messages to leave over a channel between processes. Node forgets what waits behind the handle of a socket when the other process ends:
 * then this tells them.
 */
export class UnsentMessages {
  readonly #waiting = new Set<OnSent>();

  /** Returns what is to be called in place of `onSent`, which is called once. */
  add(onSent: OnSent): OnSent {
    const once: OnSent = (error) => {
      if (this.#waiting.delete(once)) onSent(error);
    };
    this.#waiting.add(once);
    return once;
  }

  /** Nothing leaves any more. */
  fail(): void {
    for (const onSent of this.#waiting) onSent(new Error('the other process has ended'));
  }
}
