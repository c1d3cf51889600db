import { retryDelay, WheelTimer } from '../clock/index.ts';
import type { Hold } from '../codec/grip/index.ts';
import type { Payload } from '../exchange/index.ts';
import { DelayedSteps } from './delayed-steps.ts';
import { type AskingContext, type FilterOutcome, FilterRun } from './filter-run.ts';
import type { FilterService } from './filter-service.ts';
import { FilterSet, matchesContentFilters } from './filter-set.ts';
import { FilterError } from './filter-template.ts';
import type { HubRoom } from './hub-room.ts';
import type { SessionState } from './moved-hold.ts';
import type { ChannelPosition, LinkClient, LinkFetch, LinkUpdate, NextLink } from './next-link.ts';
import type { Replayable } from './replay-pacer.ts';
import type { SessionOptions, SessionStream } from './session-stream.ts';
import { type Step, StreamClose, StreamHint } from './step.ts';
import { payloadOf, type StreamItem, type StreamRun } from './stream-run.ts';

/** Failures in a row after which a stream whose link cannot be followed ends. */
export const MAX_LINK_FAILURES = 6;

/**
 * Links in a row that lead to another link and to no channel. A link that leads to itself ends there.
 * @bound hub-links-in-a-row
 */
export const MAX_LINKS_IN_A_ROW = 1_000;

/** The shortest time between two requests of a link that is only followed because its time has come, in milliseconds. */
const SHORTEST_TIMEOUT = 1_000;

const NO_CONTENT = Buffer.alloc(0);

/**
 * What a held stream has beyond its channels, if it has any of it: positions, which its items must follow without a gap, and a next
 * link, which fetches what was missed (GRIP §5.2, §5.3). While the link is followed, items wait.
 */
export class StreamSession extends WheelTimer implements Replayable, LinkClient, AskingContext, FilterOutcome {
  readonly #room: HubRoom;
  readonly #stream: SessionStream;
  readonly #prefix: string;
  #link: NextLink | null;
  /** Ids of the last items by channel: only of those channels for which the origin named one. */
  #positions = new Map<string, string | null>();
  #filters: FilterSet | null = null;
  #channels: readonly string[];
  /** Channels that had an item since the link was followed. */
  readonly #active = new Set<string>();
  #state: 'idle' | 'full' | 'queued' | 'failed' | 'away' | 'asking' | 'over' = 'idle';
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
  /** What came while the link is followed, oldest first. */
  readonly #kept: DelayedSteps;
  /** The link is to be followed once the client has taken what it was sent. */
  #followWhenTaken = false;
  readonly #service: FilterService | null;
  /** The item about which the service of a filter is being asked; null for none. */
  #asked: StreamItem | StreamClose | null = null;
  #run: FilterRun | null = null;
  #resuming = false;

  constructor(room: HubRoom, stream: SessionStream, { prefix, hold, link, filterService }: SessionOptions) {
    super();
    this.#service = filterService;
    this.#room = room;
    this.#kept = new DelayedSteps(room);
    this.#stream = stream;
    this.#prefix = prefix;
    this.#link = link;
    this.#channels = hold?.channels.map(({ name }) => prefix + name) ?? [];
    this.#setPositions(hold);
  }

  /** Whether the client has got a part of the response to a link, and the rest follows. */
  get isPassing(): boolean {
    return this.#state === 'away' && this.#passed;
  }

  get target(): string {
    return this.#link?.target ?? '';
  }
  /** The client has its initial body. */
  start(hold: Hold | null): void {
    const link = this.#link;
    this.#setState('idle');
    if (link === null) {
      const [name] = this.#positions.keys();
      if (name === undefined) return;
      const channel = name.slice(this.#prefix.length);
      this.#stream.end(`channel '${channel}' specifies prev-id, but no next link found`);
      return;
    }
    if (hold === null) this.#followOn();
    else if (this.#isOutdated()) this.update();
    else this.#rest(link);
  }

  /** The last id of a channel became known. */
  onLastId(): void {
    if (this.#link !== null && this.#state !== 'over' && this.#isOutdated()) this.update();
  }

  /**
   * The initial body for this client.
   * @throws FilterError
   */
  initialBody(body: Buffer): Buffer {
    return this.#filters === null ? body : this.#filters.initialBody(body, this);
  }

  isMember(channel: string): boolean {
    return this.#stream.isMember(channel);
  }

  positionOf(channel: string): string | null | undefined {
    return this.#positions.get(channel);
  }

  /** Takes a step of the stream's channels. Returns the work that this was. */
  receive(step: Step): number {
    if (step instanceof StreamHint) {
      this.update();
      return 1;
    }
    if (step instanceof StreamClose) {
      if (this.#state === 'idle') this.#close(step);
      else this.#kept.add(step, this.#stream.id);
      return 1;
    }
    const { items } = step as StreamRun;
    for (const item of items) {
      if (this.#state === 'over') break;
      if (this.#state === 'idle') this.#take(item);
      else this.#kept.add(item, this.#stream.id);
    }
    return items.length;
  }

  /** Follows the link, when its turn comes. */
  update(since = this.#room.moment): void {
    const link = this.#link;
    if (link === null || this.#state === 'queued' || this.#state === 'over') return;
    if (this.#state === 'away' || this.#state === 'asking') {
      this.#again = true;
      return;
    }
    // Nothing makes the next try come sooner, and it tells of this too.
    if (this.#state === 'failed') this.#since = Math.max(this.#since, since);
    else this.#follow(since);
  }

  #follow(since: number): void {
    this.#room.wheel.cancel(this);
    this.#since = since;
    this.#followWhenTaken = !this.#stream.taken;
    if (this.#followWhenTaken) {
      // More would only be added to what waits for a client that takes nothing.
      this.#setState('full');
      return;
    }
    this.#setState('queued');
    this.#room.pacer.add(this);
  }

  startReplay(): void {
    const link = this.#link as NextLink;
    this.#again = false;
    this.#passed = false;
    this.#place = link.target;
    this.#setState('away');
    const fetch = link.open(this.positions, this, this.#since, this.#alone);
    this.#fetch = fetch;
    this.#alone = false;
    if (fetch.start() && this.#fetch === fetch) this.#sharePlace();
  }

  onLinkUnshared(): void {
    this.#fetch = null;
    this.#alone = true;
    this.#setState('queued');
    this.#room.pacer.add(this);
  }

  onLinkData(chunk: Buffer): void {
    this.#passed = true;
    this.#stream.append(chunk);
    this.onTaken();
  }

  /** The client may have taken what it was sent. */
  onTaken(): void {
    if (!this.#stream.taken) return;
    this.#fetch?.taken();
    if (this.#followWhenTaken) this.update(this.#state === 'full' ? this.#since : 0);
  }

  onLinkDone({ hold, next }: LinkUpdate): void {
    this.#freePlace();
    this.#failures = 0;
    this.#link = next;
    this.#channels = this.#stream.replaceHold(hold);
    this.#setPositions(hold);
    this.#active.clear();
    this.#setState('idle');
    this.#deliverKept();
    // Items that were kept may have ended the stream, or shown a gap.
    if (this.#state !== 'idle' && this.#state !== 'asking') return;
    if (hold === null) {
      if (next === null) this.#stream.end(null);
      else this.#followOn();
      return;
    }
    this.#inARow = 0;
    if (next === null) {
      if (this.#positions.size > 0) this.start(hold);
    } else if (this.#again) this.update();
    else this.#rest(next);
  }

  onLinkFailed(detail: string): void {
    const { log, wheel } = this.#room;
    this.#freePlace();
    const failures = ++this.#failures;
    log.info({ id: this.#stream.id, detail, failures }, 'next link failed');
    // What the client has got would come twice.
    if (this.#passed || failures >= MAX_LINK_FAILURES) {
      this.#stream.end(detail);
      return;
    }
    this.#setState('failed');
    wheel.schedule(this, retryDelay(failures - 1));
  }

  override onTimer(): void {
    const link = this.#link;
    const isComplete = this.#channels.length > 0 && this.#channels.every((name) => this.#active.has(name));
    this.#active.clear();
    if (this.#state === 'failed') this.#follow(this.#since);
    else if ((isComplete || !this.#stream.taken) && link !== null) this.#rest(link);
    else this.update(0);
  }

  override onFault(thrown: unknown): void {
    this.#stream.onFault(thrown);
  }

  /** The stream has ended. */
  end(): void {
    const state = this.#state;
    if (state === 'over') return;
    this.#state = 'over';
    this.#kept.takeAll();
    this.#room.wheel.cancel(this);
    if (state === 'queued') this.#room.pacer.cancel(this);
    const fetch = this.#fetch;
    this.#freePlace();
    fetch?.abort();
    this.#run?.abort();
  }

  /** Has the stream end after the item that a filter's service is asked about, if there is one. Returns whether there is. */
  closeLater(): boolean {
    if (this.#state !== 'asking') return false;
    this.#kept.close();
    return true;
  }

  // ---- the move to another process

  /** What it is made from again, while it waits for items and for nothing else; null otherwise. */
  get state(): SessionState | null {
    const { wheel } = this.#room;
    const link = this.#link?.state ?? null;
    if (this.#state !== 'idle' || this.#again || this.#followWhenTaken) return null;
    if (!this.#kept.empty || (this.#link !== null && link === null)) return null;
    return {
      link,
      positions: [...this.#positions],
      filters: this.#filters?.state ?? null,
      channels: this.#channels,
      active: [...this.#active],
      failures: this.#failures,
      left: wheel.left(this),
    };
  }

  /** Goes on where another has stopped, whose link the constructor got. */
  goOn({ positions, filters, channels, active, failures, left }: SessionState): void {
    this.#positions = new Map(positions);
    this.#filters = filters === null ? null : FilterSet.moved(this.#prefix, filters);
    this.#channels = channels;
    for (const name of active) this.#active.add(name);
    this.#failures = failures;
    this.#setState('idle');
    if (left !== null) this.#room.wheel.schedule(this, left);
  }

  /** Follows a link that the origin gave without a channel: there is nothing to wait for. */
  #followOn(): void {
    if (++this.#inARow > MAX_LINKS_IN_A_ROW) {
      this.#room.log.warn(
        { id: this.#stream.id, links: MAX_LINKS_IN_A_ROW },
        'next links lead to no channel: stream ended',
      );
      this.#stream.end('too many next links in a row without a channel');
    } else if (this.#stream.taken) this.update(0);
    else this.#followWhenTaken = true;
  }

  #rest({ timeout }: NextLink): void {
    this.#room.wheel.schedule(this, Math.max(SHORTEST_TIMEOUT, timeout * 1_000));
  }

  #freePlace(): void {
    this.#fetch = null;
    const place = this.#place;
    this.#place = null;
    if (place !== null) this.#room.pacer.done(place);
  }

  /** The request is another client's, which has its place. */
  #sharePlace(): void {
    const place = this.#place;
    this.#place = null;
    if (place !== null) this.#room.pacer.shared(place);
  }

  #setState(state: 'idle' | 'full' | 'queued' | 'failed' | 'away' | 'asking'): void {
    this.#state = state;
    const looksAtItems = this.#positions.size > 0 || this.#filters !== null || this.#stream.session !== null;
    this.#stream.intercept(state !== 'idle' || looksAtItems);
  }

  #setPositions(hold: Hold | null): void {
    this.#positions = new Map();
    this.#filters = FilterSet.of(hold, this.#prefix);
    for (const { name, prevId } of hold?.channels ?? []) {
      if (prevId !== null) this.#positions.set(this.#prefix + name, prevId);
    }
  }

  /** Where the client is, for the origin. */
  get positions(): readonly ChannelPosition[] {
    const known: ChannelPosition[] = [];
    for (const [name, id] of this.#positions) {
      if (id !== null) known.push({ name, id });
    }
    return known;
  }

  /** Whether an item was published between the origin's response and the hold. Its id is then forgotten (GRIP conflict). */
  #isOutdated(): boolean {
    const { channels } = this.#room;
    let outdated = false;
    for (const [name, position] of this.#positions) {
      const lastId = channels.get(name)?.lastId ?? null;
      if (lastId === null || lastId === position) continue;
      channels.setLastId(name, null);
      outdated = true;
    }
    return outdated;
  }

  /** Passes an item that leaves no gap. Any other makes the link be followed, and what waits for the client is fetched too. */
  #take(item: StreamItem): void {
    const { channel, id } = item;
    if (!this.#stream.isMember(channel)) return;
    if (!this.#fits(item)) {
      this.#room.channels.setLastId(channel, null);
      this.#room.log.debug({ id: this.#stream.id, channel, item: id, prevId: item.prevId }, 'gap in a stream');
      this.update();
      return;
    }
    const set = this.#filters;
    if (set?.asks(channel) && matchesContentFilters(item, set.filtersOf(channel))) {
      this.#ask(item, item.payload.body, set, set.filtersOf(channel));
      return;
    }
    // Before it moves the position: an id that is built into it is that of the item before.
    this.#deliver(item, this.#filtered(item));
  }

  /**
   * Passes what the client gets of an item, null for nothing, and moves on to the item. Where the client's queue has no room for it, the position
   * stays, so that the link fetches the item once the client has taken what waits (GRIP §5.2).
   */
  #deliver(item: StreamItem, payload: Payload | null): void {
    if (payload === null || this.#stream.deliver(payload)) this.#moveTo(item);
    else if (!item.noSeq && typeof this.#positions.get(item.channel) === 'string') this.update();
  }

  #moveTo({ channel, id, noSeq }: StreamItem): void {
    if (id !== null) this.#stream.session?.onItem(channel, id);
    if (noSeq || !this.#positions.has(channel)) return;
    this.#positions.set(channel, id);
    this.#active.add(channel);
  }

  /** Ends the stream, unless a filter of the channel keeps the close from it. */
  #close(step: StreamClose): void {
    const set = this.#filters;
    const filters = set?.droppingOf(step.channel) ?? [];
    if (set === null || filters.length === 0) this.#stream.end(null);
    else this.#ask(step, NO_CONTENT, set, filters);
  }

  // ---- filters that ask a service (FilterOutcome)

  #ask(item: StreamItem | StreamClose, content: Buffer, set: FilterSet, filters: readonly string[]): void {
    this.#asked = item;
    this.#setState('asking');
    this.#run = new FilterRun(this.#room, { item, content, filters, set, context: this, service: this.#service }, this);
    this.#run.start();
  }

  onFiltered(content: Buffer | null): void {
    const item = this.#asked;
    this.#asked = null;
    this.#run = null;
    if (item === null || this.#state !== 'asking') return;
    this.#setState('idle');
    if (item instanceof StreamClose) {
      if (content !== null) {
        this.#stream.end(null);
        return;
      }
    } else {
      this.#deliver(item, payloadOf(item, content));
    }
    this.#resume();
  }

  onFilterError(problem: string): void {
    this.#room.filterErrors.note(this.#stream.id, this.#asked?.channel, problem);
    this.onFiltered(null);
  }

  /** Goes on after an item that was asked about. */
  #resume(): void {
    // An outcome may come within the call that asks.
    if (this.#resuming) return;
    this.#resuming = true;
    while (this.#state === 'idle') {
      const entry = this.#kept.shift();
      if (entry === undefined) break;
      if (entry instanceof StreamClose) this.#close(entry);
      else this.#take(entry);
    }
    this.#resuming = false;
    if (this.#state === 'idle' && this.#again) {
      this.#again = false;
      this.update();
    }
  }

  /** What the client gets of an item; null for nothing. */
  #filtered(item: StreamItem): Payload | null {
    const { payload } = item;
    if (this.#filters === null) return matchesContentFilters(item, []) ? payload : null;
    try {
      return payloadOf(item, this.#filters.apply(item, payload.body, this));
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.#room.filterErrors.note(this.#stream.id, item.channel, error.message);
      return null;
    }
  }

  #fits({ channel, prevId, noSeq }: StreamItem): boolean {
    const position = this.#positions.get(channel);
    return noSeq || position === undefined || position === null || position === prevId;
  }

  /** Passes what was kept. What the origin knew already comes first, and does not fit. */
  #deliverKept(): void {
    const kept = this.#kept.takeAll();
    const begun = new Set<string>();
    for (const entry of kept) {
      if (this.#state === 'over') return;
      if (entry instanceof StreamClose) {
        if (this.#state === 'idle') this.#close(entry);
        else this.#kept.add(entry, this.#stream.id);
        continue;
      }
      if (this.#state !== 'idle') this.#kept.add(entry, this.#stream.id);
      else if (begun.has(entry.channel) || this.#fits(entry)) {
        begun.add(entry.channel);
        this.#take(entry);
      }
    }
  }
}
