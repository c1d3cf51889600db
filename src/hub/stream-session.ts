import { type Hold, nameBehind, wholeName } from '../codec/grip/index.ts';
import { clientNames, type Payload } from '../exchange/index.ts';
import { DelayedSteps } from './delayed-steps.ts';
import { type AskingContext, type FilterOutcome, FilterRun } from './filter-run.ts';
import type { FilterService } from './filter-service.ts';
import { FilterSet, matchesContentFilters } from './filter-set.ts';
import { FilterError } from './filter-template.ts';
import type { HubRoom } from './hub-room.ts';
import { NO_NAMES } from './kept-channels.ts';
import { LinkFollower } from './link-follower.ts';
import type { SessionState } from './moved-hold.ts';
import type { ChannelPosition } from './next-link.ts';
import type { SessionOptions, SessionStream } from './session-stream.ts';
import { type Step, StreamClose, StreamHint } from './step.ts';
import { payloadOf, type StreamItem, type StreamRun } from './stream-run.ts';
import { subscriptionKey } from './subscription-key.ts';

const NO_CONTENT = Buffer.alloc(0);

/**
 * What a held stream has beyond its channels, if it has any of it: positions, which its items must follow without a gap, and a next
 * link, which fetches what was missed (GRIP §5.2, §5.3). While the link is followed, items wait.
 */
export class StreamSession extends LinkFollower implements AskingContext, FilterOutcome {
  readonly #prefix: string;
  /** Ids of the last items by channel: only of those channels for which the origin named one. */
  #positions = new Map<string, string | null>();
  #filters: FilterSet | null = null;
  /** What came while the link is followed, oldest first. */
  readonly #kept: DelayedSteps;
  readonly #service: FilterService | null;
  /** The item about which the service of a filter is being asked; null for none. */
  #asked: StreamItem | StreamClose | null = null;
  #run: FilterRun | null = null;
  #resuming = false;
  /** Channels of which the log has all that the client has missed: neither the link is asked for that, nor needed. */
  #whole: ReadonlySet<string> = NO_NAMES;
  /** Those of them of which the client gets the next item whatever its position is: its cursor is from before that. */
  readonly #begun = new Set<string>();

  constructor(room: HubRoom, stream: SessionStream, { prefix, hold, link, filterService }: SessionOptions) {
    super(room, stream, link, hold?.channels.map((each) => subscriptionKey(prefix, each)) ?? []);
    this.#service = filterService;
    this.#kept = new DelayedSteps(room);
    this.#prefix = prefix;
    this.onHold(hold);
  }

  /** The client has its initial body, and it is being found out what of its channels is in the log: what comes waits. */
  prepare(): void {
    this.setDoing('begin');
  }

  /** That is known, as `HistoryStream.onPlaced` says it. */
  begin(hold: Hold | null, whole: ReadonlySet<string>, begun: ReadonlySet<string>): void {
    if (this.doing !== 'begin') return;
    this.#whole = whole;
    for (const name of begun) this.#begun.add(name);
    this.start(hold);
    this.#resume();
  }

  /** The client has its initial body. */
  override start(hold: Hold | null): void {
    const link = this.link;
    this.setDoing('idle');
    if (link === null) {
      const name = [...this.#positions.keys()].find((each) => !this.#whole.has(each));
      if (name === undefined) return;
      const channel = nameBehind(this.#prefix, name);
      this.stream.end(`channel '${channel}' specifies prev-id, but no next link found`);
      return;
    }
    if (hold === null) this.followOn();
    else if (this.#isOutdated()) this.update();
    else this.rest(link);
  }

  /** The last id of a channel became known. */
  onLastId(): void {
    if (this.link !== null && this.doing !== 'over' && this.#isOutdated()) this.update();
  }

  /**
   * The initial body for this client.
   * @throws FilterError
   */
  initialBody(body: Buffer): Buffer {
    return this.#filters === null ? body : this.#filters.initialBody(body, this);
  }

  override isMember(channel: string): boolean {
    return this.stream.isMember(channel);
  }

  override positionOf(channel: string): string | null | undefined {
    return this.#positions.get(channel);
  }

  /** Takes a step of the stream's channels. Returns the work that this was. */
  receive(step: Step): number {
    if (step instanceof StreamHint) {
      this.update();
      return 1;
    }
    if (step instanceof StreamClose) {
      if (this.doing === 'idle') this.#close(step);
      else this.#kept.add(step, this.stream);
      return 1;
    }
    const { items } = step as StreamRun;
    for (const item of items) {
      if (this.doing === 'over') break;
      if (item.number > 0 && this.stream.leaves(item)) continue;
      if (this.doing === 'idle') this.#take(item);
      else this.#kept.add(item, this.stream);
    }
    return items.length;
  }

  override end(): void {
    if (this.doing === 'over') return;
    this.#kept.takeAll();
    super.end();
    this.#run?.abort();
  }

  /** Whether items pass at once: nothing is waited for, and none wait. */
  get isIdle(): boolean {
    return this.doing === 'idle' && this.#kept.empty;
  }

  /** Follows the link, which knows what the client has missed. Returns false where there is none. */
  askLink(): boolean {
    this.update();
    return this.link !== null;
  }

  /** Has the stream end after the item that a filter's service is asked about, if there is one. Returns whether there is. */
  closeLater(): boolean {
    if (this.doing !== 'asking') return false;
    this.#kept.close();
    return true;
  }

  // ---- the move to another process

  /** What it is made from again, while it waits for items and for nothing else; null otherwise. */
  get state(): SessionState | null {
    const link = this.linkState;
    if (link === null || !this.#kept.empty) return null;
    const [positions, whole] = [[...this.#positions], [...this.#whole]];
    return { ...link, positions, whole, filters: this.#filters?.state ?? null };
  }

  /** Goes on where another has stopped, whose link the constructor got. */
  goOn(state: SessionState): void {
    const { positions, whole, filters } = state;
    this.#positions = new Map(positions);
    this.#whole = new Set(whole);
    this.#filters = filters === null ? null : FilterSet.moved(this.#prefix, filters);
    this.followMoved(state);
  }

  protected override onHold(hold: Hold | null): void {
    this.#positions = new Map();
    this.#filters = FilterSet.of(hold, this.#prefix);
    const names = new Set(hold?.channels.map(({ name }) => wholeName(this.#prefix, name)));
    this.#whole = new Set([...this.#whole].filter((name) => names.has(name)));
    this.#begun.clear();
    for (const { name, prevId } of hold?.channels ?? []) {
      if (prevId !== null) this.#positions.set(wholeName(this.#prefix, name), prevId);
    }
  }

  protected override get hasPositions(): boolean {
    return this.#positions.size > 0;
  }

  protected override get looksAtItems(): boolean {
    return this.#positions.size > 0 || this.#filters !== null || this.stream.session !== null;
  }

  override get positions(): readonly ChannelPosition[] {
    const known: ChannelPosition[] = [];
    for (const [name, id] of this.#positions) {
      if (id !== null) known.push({ name, id });
    }
    return known;
  }

  /** Whether an item was published between the origin's response and the hold. Its id is then forgotten (GRIP conflict). */
  #isOutdated(): boolean {
    const { channels } = this.room;
    let outdated = false;
    for (const [name, position] of this.#positions) {
      const lastId = channels.get(name)?.lastId ?? null;
      if (lastId === null || lastId === position || this.#whole.has(name)) continue;
      channels.setLastId(name, null);
      outdated = true;
    }
    return outdated;
  }

  /** Passes an item that leaves no gap. Any other makes the link be followed, and what waits for the client is fetched too. */
  #take(item: StreamItem): void {
    const { channel } = item;
    if (!this.stream.isMember(channel)) return;
    // One before it, which was waited for, is to come from the log.
    if (item.number > 0 && this.stream.leaves(item)) return;
    if (!this.#fits(item)) {
      if (item.number === 0 || !this.#whole.has(channel) || item.prevId === null) this.#onGap(item);
      else this.#askLog(item, item.prevId);
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

  /** The link fetches what is between the position and an item. Without one it is told of the gap, and goes on. */
  #onGap(item: StreamItem): void {
    const { channel, id, prevId } = item;
    this.room.channels.setLastId(channel, null);
    this.room.log.debug({ ...clientNames(this.stream), channel, item: id, prevId }, 'gap in a stream');
    if (this.link !== null) {
      this.update();
      return;
    }
    this.stream.onGap(channel);
    this.#positions.set(channel, prevId);
    this.#take(item);
  }

  /** Where the item before is in the log there is no gap: it had nothing for this client. */
  #askLog(item: StreamItem, before: string): void {
    this.#asked = item;
    this.setDoing('asking');
    this.stream.hasId(item.channel, before, (found) => {
      if (this.#asked !== item || this.doing !== 'asking') return;
      this.#asked = null;
      this.setDoing('idle');
      if (found) {
        this.#positions.set(item.channel, before);
        this.#take(item);
      } else {
        this.#onGap(item);
      }
      this.#resume();
    });
  }

  /**
   * Passes what the client gets of an item, null for nothing, and moves on to the item. Where the client's queue has no room for it, the position
   * stays, so that the link fetches the item once the client has taken what waits (GRIP §5.2).
   */
  #deliver(item: StreamItem, payload: Payload | null): void {
    if (payload === null || this.stream.deliver(item, payload)) this.#moveTo(item);
    // The log has it, and the client gets it from there.
    else if (item.number > 0 && this.stream.leaves(item)) return;
    else if (!item.noSeq && typeof this.#positions.get(item.channel) === 'string') this.update();
  }

  #moveTo({ channel, id, noSeq }: StreamItem): void {
    if (id !== null) this.stream.session?.onItem(channel, id);
    if (noSeq || !this.#positions.has(channel)) return;
    this.#positions.set(channel, id);
    this.#begun.delete(channel);
    this.active.add(channel);
  }

  /** Ends the stream, unless a filter of the channel keeps the close from it. */
  #close(step: StreamClose): void {
    const set = this.#filters;
    const filters = set?.droppingOf(step.channel) ?? [];
    if (set === null || filters.length === 0) this.stream.end(null);
    else this.#ask(step, NO_CONTENT, set, filters);
  }

  // ---- filters that ask a service (FilterOutcome)

  #ask(item: StreamItem | StreamClose, content: Buffer, set: FilterSet, filters: readonly string[]): void {
    this.#asked = item;
    this.setDoing('asking');
    this.#run = new FilterRun(this.room, { item, content, filters, set, context: this, service: this.#service }, this);
    this.#run.start();
  }

  onFiltered(content: Buffer | null): void {
    const item = this.#asked;
    this.#asked = null;
    this.#run = null;
    if (item === null || this.doing !== 'asking') return;
    this.setDoing('idle');
    if (item instanceof StreamClose) {
      if (content !== null) {
        this.stream.end(null);
        return;
      }
    } else {
      this.#deliver(item, payloadOf(item, content));
    }
    this.#resume();
  }

  onFilterError(problem: string): void {
    this.room.filterErrors.note(this.stream, this.#asked?.channel, problem);
    this.onFiltered(null);
  }

  /** Goes on after an item that was asked about. */
  #resume(): void {
    // An outcome may come within the call that asks.
    if (this.#resuming) return;
    this.#resuming = true;
    while (this.doing === 'idle') {
      const entry = this.#kept.shift();
      if (entry === undefined) break;
      if (entry instanceof StreamClose) this.#close(entry);
      else this.#take(entry);
    }
    this.#resuming = false;
    if (this.doing === 'idle') this.catchUp();
    this.stream.onSettled();
  }

  /** What the client gets of an item; null for nothing. */
  #filtered(item: StreamItem): Payload | null {
    const { payload } = item;
    if (this.#filters === null) return matchesContentFilters(item, []) ? payload : null;
    try {
      return payloadOf(item, this.#filters.apply(item, payload.body, this));
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.room.filterErrors.note(this.stream, item.channel, error.message);
      return null;
    }
  }

  #fits({ channel, prevId, noSeq }: StreamItem): boolean {
    const position = this.#positions.get(channel);
    if (noSeq || position === undefined || position === null || position === prevId) return true;
    return this.#begun.has(channel);
  }

  /** What the origin knew already comes first, and does not fit. */
  protected override deliverKept(): void {
    const kept = this.#kept.takeAll();
    const begun = new Set<string>();
    for (const entry of kept) {
      if (this.doing === 'over') return;
      if (this.doing !== 'idle') this.#kept.add(entry, this.stream);
      else if (entry instanceof StreamClose) this.#close(entry);
      else if (begun.has(entry.channel) || this.#fits(entry)) {
        begun.add(entry.channel);
        this.#take(entry);
      }
    }
  }
}
