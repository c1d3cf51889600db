import type { TimerWheel } from '../clock/index.ts';
import type { Current } from '../exchange/index.ts';
import type { ChannelRules } from './channel-rules.ts';
import type { Channels } from './channels.ts';
import { ExpiringTable } from './expiring-table.ts';
import type { HubLimits } from './hub-options.ts';

/**
 * Bytes of the last versions of channels that are remembered. Beyond it those that had none for longest go first.
 * @bound hub-last-versions
 */
export const MAX_VERSIONS_BYTES = 16_777_216;

/** What a version costs besides the name of its channel, in bytes. */
const ENTRY_COST = 160;

/** A channel, its last version, and the milliseconds for which it is remembered. */
export type KeptVersion = readonly [channel: string, version: number, left: number];

/** What it is made of. */
export interface VersionsRoom {
  readonly wheel: TimerWheel;
  readonly channels: Channels;
  readonly limits: Current<Pick<HubLimits, 'subscriptionLinger'>>;
  readonly history: { readonly rules: ChannelRules };
}

/** The version of the newest item of each channel: while anybody is subscribed to it, and for `subscription_linger` after; always where its items are kept, for those who come later. */
export class LastVersions {
  readonly #room: VersionsRoom;
  readonly #table: ExpiringTable<number>;

  /** @param onFault handles an exception while versions expire */
  constructor(room: VersionsRoom, onFault: (thrown: unknown) => void) {
    const { wheel, channels, history } = room;
    this.#room = room;
    const isKnown = (name: string): boolean =>
      channels.get(name) !== undefined || (channels.havePatterns && channels.matching(name).length > 0);
    const stays = (name: string): number => (isKnown(name) || history.rules.limitsOf(name) !== null ? this.#linger : 0);
    this.#table = new ExpiringTable({ wheel, maxBytes: MAX_VERSIONS_BYTES, onFault, stays });
  }

  get size(): number {
    return this.#table.size;
  }

  get bytes(): number {
    return this.#table.bytes;
  }

  /** Notes the version of an item. Returns false, with nothing noted, unless it is newer than the last one of its channel. */
  take(channel: string, version: number): boolean {
    if (!this.isNewer(channel, version)) return false;
    this.#note(channel, version, this.#linger);
    return true;
  }

  /** Whether a version is newer than the last one of its channel. */
  isNewer(channel: string, version: number): boolean {
    const last = this.#table.get(channel);
    return last === undefined || version > last;
  }

  /** All that is remembered. */
  kept(): Generator<KeptVersion, void> {
    return this.#table.entries();
  }

  /** Remembers what another process did. */
  goOn(kept: Iterable<KeptVersion>): void {
    for (const [channel, version, left] of kept) if (this.isNewer(channel, version)) this.#note(channel, version, left);
  }

  #note(channel: string, version: number, milliseconds: number): void {
    this.#table.set(channel, version, ENTRY_COST + 2 * channel.length, milliseconds);
  }

  /** Milliseconds for which a version stays; at least a second, so that items on their way at the same time are compared. */
  get #linger(): number {
    return Math.max(1, this.#room.limits.current.subscriptionLinger) * 1_000;
  }
}
