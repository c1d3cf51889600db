/** Something that needs memory for a window, and may have to wait for it. */
export interface WindowUser {
  /** The bytes are its own from now on, until it gives them back. */
  onWindow(): void;
}

/**
 * The memory for large windows of all decoders of the process. Whoever finds too little left waits for its turn: the encoded bytes it has
 * been given are not taken meanwhile, so the sender is held back. It has its turn when others end, which their time limits see to.
 */
export class WindowBudget {
  #left: number;
  #waiting: { user: WindowUser; bytes: number }[] = [];

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes `bytes`, at once or later: then `user.onWindow` is called. Returns whether it was at once. */
  take(user: WindowUser, bytes: number): boolean {
    if (this.#waiting.length === 0 && bytes <= this.#left) {
      this.#left -= bytes;
      return true;
    }
    this.#waiting.push({ user, bytes });
    return false;
  }

  /** Gives back what `user` has taken, or lets it wait no longer. */
  give(user: WindowUser, bytes: number): void {
    const index = this.#waiting.findIndex((waiting) => waiting.user === user);
    if (index >= 0) this.#waiting.splice(index, 1);
    else this.#left += bytes;
    for (let next = this.#waiting[0]; next !== undefined && next.bytes <= this.#left; next = this.#waiting[0]) {
      this.#waiting.shift();
      this.#left -= next.bytes;
      next.user.onWindow();
    }
  }
}
