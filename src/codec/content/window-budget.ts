/** A user of window memory, which may have to wait for it. */
export interface WindowUser {
  /** The bytes belong to the user until it returns them. */
  onWindow(): void;
}

/**
 * The memory for large windows of all decoders of the process. A decoder that finds too little left waits in line: its encoded bytes are not taken
 * meanwhile, so the sender is held back. Its turn comes when others end, which their time limits ensure.
 */
export class WindowBudget {
  #left: number;
  #waiting: { user: WindowUser; bytes: number }[] = [];

  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes `bytes` now, or later and then calls `user.onWindow`. Returns whether it took them now. */
  take(user: WindowUser, bytes: number): boolean {
    if (this.#waiting.length === 0 && bytes <= this.#left) {
      this.#left -= bytes;
      return true;
    }
    this.#waiting.push({ user, bytes });
    return false;
  }

  /** Returns what `user` took, or ends its wait. */
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
