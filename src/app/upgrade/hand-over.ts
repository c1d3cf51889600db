import type { SocketHandle, ToNewProcess, ToOldProcess } from './upgrade-channel.ts';
import type { OldProcessMessage } from './upgrade-messages.ts';

/**
 * What a part of the old process does in an upgrade. The new process is ready and accepts; so does this one, until `giveOver` has settled. The order is
 * `follow`, `giveOver`, `finish`; at any time before `finish` it may be `takeBack` instead.
 */
export interface OldSide {
  /** A message that is not about the phases has come: `taken`, `swapped`. */
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
  /** Called before anything listens, while the old process orders the items. */
  follow(channel: ToOldProcess): void;
  /** A message that is not about the phases has come: `client`, `batch`, `swap`. */
  onMessage(message: OldProcessMessage, handle: SocketHandle | undefined): void;
  /** The old process has ended, as it should, or otherwise. */
  onOldProcessEnded(): void;
}
