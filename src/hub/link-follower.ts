import { retryDelay, WheelTimer } from '../clock/index.ts';
import type { Hold } from '../codec/grip/index.ts';
import { clientNames } from '../exchange/index.ts';
import type { HubRoom } from './hub-room.ts';
import type { SessionState } from './moved-hold.ts';
import type { ChannelPosition, LinkClient, LinkFetch, LinkUpdate, NextLink } from './next-link.ts';
import type { Replayable } from './replay-pacer.ts';
import type { SessionStream } from './session-stream.ts';

/** Failures in a row after which a stream whose link cannot be followed ends. */
export const MAX_LINK_FAILURES = 6;

/**
 * Links in a row that lead to another link and to no channel. A link that leads to itself ends there.
 * @bound hub-links-in-a-row
 */
export const MAX_LINKS_IN_A_ROW = 1_000;

/** The shortest time between two requests of a link that is only followed because its time has come, in milliseconds. */
const SHORTEST_TIMEOUT = 1_000;

/** What another process follows a link from. */
type LinkState = Pick<SessionState, 'link' | 'channels' | 'active' | 'failures' | 'left'>;

/** What a held stream does: waits for items, or for what keeps it from taking them. */
type Doing = 'begin' | 'idle' | 'full' | 'queued' | 'failed' | 'away' | 'asking' | 'over';

/**
 * Follows the next link of a held stream (GRIP §5.2, §5.3): when its time has come, after a gap, a hint or a recovery, and again when that fails. No more
 * than one request is under way, and none while the client has not taken what it was sent.
 */
export abstract class LinkFollower extends WheelTimer implements Replayable, LinkClient {
  protected readonly room: HubRoom;
  protected readonly stream: SessionStream;
  protected link: NextLink | null;
  /** Full names. */
  protected channels: readonly string[];
  /** Channels that had an item since the link was followed. */
  protected readonly active = new Set<string>();
  protected doing: Doing = 'idle';
  /** A hint or recovery came while the request was at the origin: the response may be from before it. */
  #again = false;
  #fetch: LinkFetch | null = null;
  /** `HubRoom.moment` when it came to need the link; 0 where only the time has come. */
  #since = 0;
  /** The link is too large to be shared with others. */
  #alone = false;
  /** Target whose place among the requests it has. */
  #place: string | null = null;
  /** Whether the client has got something of the response that is under way. */
  #passed = false;
  #failures = 0;
  #inARow = 0;
  /** The link is to be followed once the client has taken what it was sent. */
  #followWhenTaken = false;

  constructor(room: HubRoom, stream: SessionStream, link: NextLink | null, channels: readonly string[]) {
    super();
    this.room = room;
    this.stream = stream;
    this.link = link;
    this.channels = channels;
  }

  abstract isMember(channel: string): boolean;

  abstract positionOf(channel: string): string | null | undefined;

  /** Where the client is, for the origin. */
  abstract get positions(): readonly ChannelPosition[];

  protected abstract get hasPositions(): boolean;

  /** Whether each item has to pass here, while there is nothing else to wait for. */
  protected abstract get looksAtItems(): boolean;

  /** The client is held as the response to the link says. */
  protected abstract onHold(hold: Hold | null): void;

  /** Passes the items that came while the link was followed. */
  protected abstract deliverKept(): void;

  /** Begins to hold the client. */
  abstract start(hold: Hold | null): void;

  /** Whether the client has got a part of the response to a link, and the rest follows. */
  get isPassing(): boolean {
    return this.doing === 'away' && this.#passed;
  }

  get target(): string {
    return this.link?.target ?? '';
  }

  /** Follows the link, when its turn comes. */
  update(since = this.room.moment): void {
    if (this.link === null || this.doing === 'queued' || this.doing === 'over') return;
    if (this.doing === 'away' || this.doing === 'asking' || this.doing === 'begin') {
      this.#again = true;
      return;
    }
    // Nothing makes the next try come sooner, and it tells of this too.
    if (this.doing === 'failed') this.#since = Math.max(this.#since, since);
    else this.#follow(since);
  }

  #follow(since: number): void {
    this.room.wheel.cancel(this);
    this.#since = since;
    this.#followWhenTaken = !this.stream.taken;
    if (this.#followWhenTaken) {
      // More would only be added to what waits for a client that takes nothing.
      this.setDoing('full');
      return;
    }
    this.setDoing('queued');
    this.room.pacer.add(this);
  }

  startReplay(): void {
    const link = this.link as NextLink;
    this.#again = false;
    this.#passed = false;
    this.#place = link.target;
    this.setDoing('away');
    const fetch = link.open(this.positions, this, this.#since, this.#alone);
    this.#fetch = fetch;
    this.#alone = false;
    if (fetch.start() && this.#fetch === fetch) this.#sharePlace();
  }

  onLinkUnshared(): void {
    this.#fetch = null;
    this.#alone = true;
    this.setDoing('queued');
    this.room.pacer.add(this);
  }

  onLinkData(chunk: Buffer): void {
    this.#passed = true;
    this.stream.append(chunk);
    this.onTaken();
  }

  /** The client may have taken what it was sent. */
  onTaken(): void {
    if (!this.stream.taken) return;
    this.#fetch?.taken();
    if (this.#followWhenTaken) this.update(this.doing === 'full' ? this.#since : 0);
  }

  onLinkDone({ hold, next }: LinkUpdate): void {
    this.#freePlace();
    this.#failures = 0;
    this.link = next;
    this.channels = this.stream.replaceHold(hold);
    this.onHold(hold);
    this.active.clear();
    this.setDoing('idle');
    this.deliverKept();
    this.stream.onSettled();
    // Items that were kept may have ended the stream, or shown a gap.
    if (this.doing !== 'idle' && this.doing !== 'asking') return;
    if (hold === null) {
      if (next === null) this.stream.end(null);
      else this.followOn();
      return;
    }
    this.#inARow = 0;
    if (next === null) {
      if (this.hasPositions) this.start(hold);
    } else if (this.#again) this.update();
    else this.rest(next);
  }

  onLinkFailed(detail: string): void {
    const { log, wheel } = this.room;
    this.#freePlace();
    const failures = ++this.#failures;
    log.info({ ...clientNames(this.stream), detail, failures }, 'next link failed');
    // What the client has got would come twice.
    if (this.#passed || failures >= MAX_LINK_FAILURES) {
      this.stream.end(detail);
      return;
    }
    this.setDoing('failed');
    wheel.schedule(this, retryDelay(failures - 1));
  }

  override onTimer(): void {
    const link = this.link;
    const isComplete = this.channels.length > 0 && this.channels.every((name) => this.active.has(name));
    this.active.clear();
    if (this.doing === 'failed') this.#follow(this.#since);
    else if ((isComplete || !this.stream.taken) && link !== null) this.rest(link);
    else this.update(0);
  }

  override onFault(thrown: unknown): void {
    this.stream.onFault(thrown);
  }

  /** The stream has ended. */
  end(): void {
    const { doing } = this;
    if (doing === 'over') return;
    this.doing = 'over';
    this.room.wheel.cancel(this);
    if (doing === 'queued') this.room.pacer.cancel(this);
    const fetch = this.#fetch;
    this.#freePlace();
    fetch?.abort();
  }

  /** What it is made from again, while it waits for items and for nothing else; null otherwise. */
  protected get linkState(): LinkState | null {
    const link = this.link?.state ?? null;
    if (this.doing !== 'idle' || this.#again || this.#followWhenTaken) return null;
    if (this.link !== null && link === null) return null;
    const { channels } = this;
    return { link, channels, active: [...this.active], failures: this.#failures, left: this.room.wheel.left(this) };
  }

  /** Goes on where another has stopped, whose link the constructor got. */
  protected followMoved({ channels, active, failures, left }: LinkState): void {
    this.channels = channels;
    for (const name of active) this.active.add(name);
    this.#failures = failures;
    this.setDoing('idle');
    if (left !== null) this.room.wheel.schedule(this, left);
  }

  /** Follows a link that the origin gave without a channel: there is nothing to wait for. */
  protected followOn(): void {
    if (++this.#inARow > MAX_LINKS_IN_A_ROW) {
      this.room.log.warn(
        { ...clientNames(this.stream), links: MAX_LINKS_IN_A_ROW },
        'next links lead to no channel: stream ended',
      );
      this.stream.end('too many next links in a row without a channel');
    } else if (this.stream.taken) this.update(0);
    else this.#followWhenTaken = true;
  }

  /** Follows the link when its time comes. */
  protected rest({ timeout }: NextLink): void {
    this.room.wheel.schedule(this, Math.max(SHORTEST_TIMEOUT, timeout * 1_000));
  }

  /** Follows the link if that was asked for meanwhile. */
  protected catchUp(): void {
    if (!this.#again) return;
    this.#again = false;
    this.update();
  }

  #freePlace(): void {
    this.#fetch = null;
    const place = this.#place;
    this.#place = null;
    if (place !== null) this.room.pacer.done(place);
  }

  /** The request is another client's, which has its place. */
  #sharePlace(): void {
    const place = this.#place;
    this.#place = null;
    if (place !== null) this.room.pacer.shared(place);
  }

  protected setDoing(doing: Exclude<Doing, 'over'>): void {
    this.doing = doing;
    this.stream.intercept(doing !== 'idle' || this.looksAtItems);
  }
}
