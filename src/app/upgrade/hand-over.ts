import type { SocketHandle, ToNewProcess, ToOldProcess } from './upgrade-channel.ts';
import type { OldProcessMessage } from './upgrade-messages.ts';

/**
 * What a part of the old process does in an upgrade. From `giveOver` on the new process accepts; so does this one, until that has settled. The order is
 * `lead`, `giveOver`, `finish`; at any time before `finish` it may be `takeBack` instead.
 */
export interface OldSide {
  /**
   * The new process has read its configuration, and does not accept yet: from here on it gets what is published, beside the clients of this one.
   * Awaited before the listening sockets are given.
   */
  lead(channel: ToNewProcess): Promise<void>;
  /** A message that is not about the phases has come: `takes`, `taken`, `serves`, `swapped`. */
  onMessage(message: unknown, handle: SocketHandle | undefined): void;
  /**
   * Moves what can be moved, and lets the new process order the items.
   * @returns settles when nothing more can be moved now
   * @throws Error when the upgrade has to be given up; `takeBack` follows
   */
  giveOver(channel: ToNewProcess): Promise<void>;
  /** The new process has failed: this one goes on as before. Whatever it did not acknowledge is served here. */
  takeBack(): void;
  /** This process has stopped accepting, and finishes what has stayed. */
  finish(): void;
}

/** What a part of the new process does in an upgrade. */
export interface NewSide {
  /** Called when the listening sockets are here. Settles when the old process is reached, which orders the items: then this one may accept. */
  follow(channel: ToOldProcess): Promise<void>;
  /** A message that is not about the phases has come: `client`, `peers`, `go`, `hold`. Those of other parts come too. */
  onMessage(message: OldProcessMessage, handle: SocketHandle | undefined): void;
  /** The old process has ended, as it should, or otherwise. */
  onOldProcessEnded(): void;
}
