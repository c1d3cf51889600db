import { hasMediaType } from '../codec/fields/index.ts';
import type { Hold, InstructResponse, PublishItem } from '../codec/grip/index.ts';
import {
  type ClientNames,
  clientNames,
  type HeaderList,
  type Payload,
  type Requester,
  type Suspended,
  UNKNOWN_LENGTH,
} from '../exchange/index.ts';
import type { FilterService } from './filter-service.ts';
import { FilterError } from './filter-template.ts';
import { Held } from './held.ts';
import type { HistoryStream } from './history-stream.ts';
import type { HubRoom } from './hub-room.ts';
import { type KeepAlivePlan, keepAliveDelay, keepAliveEarliest, keepAliveOf } from './keep-alive-plan.ts';
import { toldGaps, unkeptOf } from './kept-channels.ts';
import { KeptPayload } from './kept-payload.ts';
import type { HoldParts, StreamHoldState, StreamMore } from './moved-hold.ts';
import type { NextLink, SessionNotes } from './next-link.ts';
import type { SessionStream } from './session-stream.ts';
import { SharedRuns } from './shared-runs.ts';
import type { SlowPolicy } from './slow-policy.ts';
import { type Step, StreamClose } from './step.ts';
import type { StreamHistory } from './stream-history.ts';
import { isPlain, markedItem, type StreamItem, StreamRun, streamRuns } from './stream-run.ts';
import { StreamSession } from './stream-session.ts';
import { userName } from './user-name.ts';

const EMPTY = Buffer.alloc(0);
const LINE_END = Buffer.from('\n');
const LF = 0x0a;
const RUNS = new SharedRuns(streamRuns);

/** Milliseconds after which the clients of a process that ends connect again: at least, and how much more at most. */
const RETRY_LEAST = 1_000;
const RETRY_SPREAD = 3_000;

/** What a stream does that others do not. */
export interface StreamOptions {
  /** Null: the stream only follows its next link. */
  readonly hold: Hold | null;
  readonly link: NextLink | null;
  readonly session: SessionNotes | null;
  /** For filters that ask a service; null for none. */
  readonly filterService: FilterService | null;
  /** Put in front of the names of the channels. */
  readonly prefix: string;
  /** Whether the client is told why its stream ends. */
  readonly debug: boolean;
  /** The user that its token names; null for none. */
  readonly claimed: string | null;
  /** Channels besides those of its holds, with their full names. */
  readonly always: readonly string[];
  /** The full names of the channels of a hold, as many as are allowed. */
  readonly namesOf: (hold: Hold) => readonly string[];
}

/** A client whose response body continues with the items of its channels, until a `close`. */
export class StreamHold extends Held implements SessionStream, HistoryStream<StreamRun> {
  override readonly format = 'http-stream';
  readonly #keepAlive: KeepAlivePlan | null;
  readonly #options: StreamOptions | null;
  /** What it has beyond its channels; null for most streams. */
  readonly #session: StreamSession | null;
  /** The session while it stands between the channels and the client. */
  #between: StreamSession | null = null;
  /** Whether its items are events of EventSource. */
  #isEventStream = false;
  /** Put in front of the names of its channels, and not known to the client. */
  prefix = '';
  /** What becomes of it when its queue is full. */
  slow: SlowPolicy = 'catch_up';
  /** Where it is in the log of its channels, if they are kept; null where they are not. */
  #history: StreamHistory<StreamRun> | null = null;

  /** @param options null for a stream that has channels and nothing else */
  constructor(
    room: HubRoom,
    names: ClientNames,
    requester: Requester,
    credits: number,
    keepAlive: KeepAlivePlan | null,
    options: StreamOptions | null = null,
    route = '',
  ) {
    super(room, names, requester, credits, route);
    this.#keepAlive = keepAlive;
    this.#options = options;
    this.session = options?.session ?? null;
    this.#session = options === null ? null : new StreamSession(room, this, options);
  }

  /** Its channels are kept: its events get cursors, and it gets what it has missed behind the initial body. */
  followLog(history: StreamHistory<StreamRun>): void {
    this.#history = history;
  }

  /** Sends head and initial body. @param started the client has them already */
  start(response: InstructResponse, started: boolean): void {
    const { status, reason, headers, body } = response;
    this.#isEventStream = isEventStream(headers);
    let lineEnded = false;
    if (!started) {
      this.sendHead({ status, reason, headers, bodyLength: UNKNOWN_LENGTH });
      const initial = this.#initialBody(body);
      lineEnded = initial.length === 0 || initial.at(-1) === LF;
      if (initial.length > 0 && !this.over) this.send(initial);
    }
    // A filter may have ended it.
    if (this.over || !this.room.holds.has(this)) return;
    if (this.#keepAlive !== null) this.room.wheel.schedule(this, keepAliveDelay(this.#keepAlive.timeout));
    if (this.#history === null) {
      this.#session?.start(this.#options?.hold ?? null);
      return;
    }
    // What follows must not go on with a line of the body.
    if (!lineEnded && this.#isEventStream) this.append(LINE_END);
    this.#session?.prepare();
    this.#history.start();
  }

  /** The body as its filters change it; a filter that cannot be applied ends the stream. */
  #initialBody(body: Buffer): Buffer {
    if (this.#session === null) return body;
    try {
      return this.#session.initialBody(body);
    } catch (error) {
      if (!(error instanceof FilterError)) throw error;
      this.end(error.message);
      return EMPTY;
    }
  }

  override beginJoin(): void {
    super.beginJoin();
    this.holdBack();
  }

  override endJoin(): void {
    super.endJoin();
    this.letPass();
    this.#history?.pump();
  }

  /** Passes a run's items: the joined payload if the credits cover it. This is the inner loop of every fan-out. */
  override receive(step: Step, now: number): number {
    const history = this.#history;
    if (history !== null && step instanceof StreamRun) {
      const run = history.next(step);
      return run === null ? 1 : this.#pass(run, now, history);
    }
    return this.#pass(step, now, null);
  }

  #pass(step: Step, now: number, history: StreamHistory<StreamRun> | null): number {
    if (this.#between !== null) return this.#between.receive(step);
    if (!(step instanceof StreamRun)) {
      if (step instanceof StreamClose) this.close();
      else this.recover();
      return 1;
    }
    const joined = history === null || !this.#isEventStream ? step.joined : step.markedBy(history.epoch);
    const { length } = joined.body;
    // There are no credits while something waits, so this keeps the order too.
    if (length <= this.credits) {
      if (length === 0) return 1;
      this.credits -= length;
      this.lastSent = now;
      this.room.counters.itemsDelivered += joined.items;
      if (this.record !== null) this.record.items += joined.items;
      this.requester.onResponsePayload(joined);
      return 1 + (length >>> 14);
    }
    const { items } = step;
    for (const item of items) {
      if (this.ended) break;
      if (isPlain(item) && !this.deliver(item, item.payload) && history?.isLive === false) break;
    }
    return items.length + (length >>> 14);
  }

  /** Where there is no room for items, the route may say that the stream ends: the client comes back with the id of the last event that it has. */
  protected override sendOrDrop(item: Payload): boolean {
    if (super.sendOrDrop(item)) return true;
    if (this.slow !== 'close' || this.ended) return false;
    this.room.counters.slowClientsClosed++;
    this.room.log.info({ ...clientNames(this) }, 'slow client: stream ended');
    this.close();
    return false;
  }

  /** Ends the response after what waits. */
  close(): void {
    this.leave();
    this.finish();
  }

  override get cursor(): string | null {
    return this.#history?.place?.cursor ?? null;
  }

  override drain(): void {
    if (this.#session?.closeLater() !== true) this.close();
  }

  override dismiss(): void {
    // A time of its own after which the client connects again; parts of one event must have nothing between them.
    const isHeld = this.room.holds.has(this);
    if (isHeld && this.#isEventStream && this.#session?.isPassing !== true) {
      const retry = RETRY_LEAST + Math.floor(Math.random() * RETRY_SPREAD);
      this.append(Buffer.from(`retry: ${retry}\n\n`));
    }
    super.dismiss();
  }

  onLost(channel: string): void {
    this.#history?.onLost(channel);
  }

  onBroken(channel: string, from: number): void {
    this.#history?.onBroken(channel, from);
  }

  /** Its next link may know items that are not kept. Without one the client is told of the gap. */
  override onMissed(): void {
    this.#history?.recover();
    if (this.#history?.hasAll === true || this.#session?.askLink() === true) return;
    const channels = toldGaps(this.room, unkeptOf(this.room, this.channelNames), this.prefix);
    if (channels.length > 0) this.tellGap(channels);
  }

  override onLastId(): void {
    this.#session?.onLastId();
  }

  /** Without a next link there is nothing to ask: the items that follow still reach it. */
  override recover(): void {
    this.#session?.update();
    this.#history?.recover();
  }

  override onResponseCredit(bytes: number): void {
    super.onResponseCredit(bytes);
    this.#session?.onTaken();
    this.#history?.pump();
  }

  override onTimer(): void {
    const plan = this.#keepAlive as KeepAlivePlan;
    const { wheel } = this.room;
    const silence = wheel.now - this.lastSent;
    if (!plan.interval && silence < keepAliveEarliest(plan.timeout)) {
      // Items passed since the timer was set. They only noted the time, because moving the timer for each would cost more.
      wheel.schedule(this, Math.max(0, keepAliveDelay(plan.timeout) - silence));
      return;
    }
    wheel.schedule(this, keepAliveDelay(plan.timeout));
    // The pieces of the response to a link may be parts of one event: nothing comes between them.
    if (this.#session?.isPassing === true) return;
    // A client that does not take what it has already is not helped by more.
    if (plan.payload.body.length > this.credits) return;
    this.spend(plan.payload.body.length);
    this.requester.onResponsePayload(plan.payload);
  }

  protected override leave(): void {
    super.leave();
    this.#session?.end();
  }

  // ---- the move to another process

  suspend(): Suspended<StreamHoldState> | null {
    const options = this.#options;
    const session = this.#session;
    const held = this.heldState(options?.filterService ?? null);
    const sessionState = session?.state ?? null;
    const place = this.#history?.place ?? null;
    if (held === null || (session !== null && sessionState === null)) return null;
    if (this.#history !== null && place === null) return null;
    const more = options === null || sessionState === null ? null : { ...moreOf(options), session: sessionState };
    const { wheel } = this.room;
    if (session !== null) wheel.cancel(session);
    const own = { isEventStream: this.#isEventStream, place, slow: this.slow, prefix: this.prefix };
    const state = { kind: 'stream-hold' as const, ...held, ...own, keepAlive: keepAliveOf(this.#keepAlive), more };
    return this.suspendWith(state, () => {
      const left = sessionState?.left ?? null;
      if (session !== null && left !== null) wheel.schedule(session, left);
    });
  }

  /** Goes on where a hold of another process has stopped. */
  goOn(state: StreamHoldState, parts: HoldParts): void {
    this.slow = state.slow;
    this.prefix = state.prefix ?? '';
    this.#isEventStream = state.isEventStream;
    this.goOnAs(state, parts);
    if (state.more !== null) this.#session?.goOn(state.more.session);
    this.#history?.goOn();
  }

  // ---- for its place in the log (HistoryStream)

  get ready(): boolean {
    return !this.behind && this.credits > 0 && !this.joining && this.isIdle;
  }

  get isIdle(): boolean {
    return this.#session?.isIdle !== false;
  }

  get ended(): boolean {
    return this.over || !this.room.holds.has(this);
  }

  runsOf(items: readonly PublishItem[]): readonly StreamRun[] {
    return RUNS.of(items);
  }

  tellGap(channels: readonly string[]): void {
    if (this.#isEventStream) this.append(Buffer.from(`event: gap\ndata: ${JSON.stringify({ channels })}\n\n`));
  }

  askForGap(): boolean {
    const asks = this.#session?.askLink() === true;
    if (!asks && !this.#isEventStream) return false;
    this.room.log.debug({ ...clientNames(this) }, asks ? 'gap: next link followed' : 'gap: stream ended');
    // The client comes back with the id of the last event that it has, and its request is sent again.
    if (!asks) this.close();
    return true;
  }

  tellCursor(cursor: string): void {
    if (this.#isEventStream) this.append(Buffer.from(`id: ${cursor}\n\n`));
  }

  give(run: StreamRun): void {
    if (this.#between !== null) this.#between.receive(run);
    else if (this.#history !== null)
      this.sendPayload(this.#isEventStream ? run.markedBy(this.#history.epoch) : run.joined);
  }

  onPlaced(whole: ReadonlySet<string>, begun: ReadonlySet<string>): void {
    this.#session?.begin(this.#options?.hold ?? null, whole, begun);
  }

  // ---- for its session (SessionStream)

  hasId(channel: string, id: string, done: (found: boolean) => void): void {
    this.#history?.hasId(channel, id, done);
  }

  onGap(channel: string): void {
    this.#history?.tellGap([channel]);
  }

  get taken(): boolean {
    return !this.behind;
  }

  intercept(on: boolean): void {
    this.#between = on ? this.#session : null;
  }

  replaceHold(hold: Hold | null): readonly string[] {
    const names = hold === null ? [] : (this.#options as StreamOptions).namesOf(hold);
    this.#history?.replace(names);
    // No user is on a channel that the other one had.
    this.joinOnly(names.filter((name) => this.hasJoined(name)));
    if (hold !== null) this.user = userName(hold.meta.user ?? this.#options?.claimed, this, this.room);
    this.joinOnly(names);
    return names;
  }

  append(bytes: Buffer): void {
    if (!this.over) this.send(bytes);
  }

  deliver(item: StreamItem, payload: Payload): boolean {
    if (payload.body.length === 0) return true;
    const history = this.#history;
    if (history === null) return this.sendOrDrop(payload);
    const marked = this.#isEventStream ? markedItem(item, history.epoch, payload) : payload;
    if (item.number === 0) return this.sendOrDrop(marked);
    // What is read from the log comes only when nothing else waits.
    if (history.isLive && !this.hasRoom(marked)) {
      if (this.slow !== 'catch_up') return this.sendOrDrop(marked);
      // The positions of a session are behind what waits already.
      const waiting = this.#between === null ? this.unqueueKept() : [];
      for (const { number } of waiting) history.drop(number);
      history.missed(item.number);
      return false;
    }
    // What was read from the log is behind items of other channels: the client cannot begin there again.
    const isBoth = history.isLive && marked !== payload;
    this.sendPayload(isBoth ? new KeptPayload(marked.body, item.number, marked.expires) : marked);
    return true;
  }

  leaves({ number }: StreamItem): boolean {
    return this.#history?.leaves(number) === true;
  }

  onDropped({ number }: StreamItem): boolean {
    if (this.#history === null || number === 0) return false;
    this.#history.missed(number);
    return true;
  }

  onSettled(): void {
    this.#history?.pump();
  }

  end(problem: string | null): void {
    if (this.over) return;
    this.leave();
    if (problem !== null) this.room.log.info({ ...clientNames(this), problem }, 'stream ended');
    this.finish(problem !== null && this.#options?.debug ? Buffer.from(`\n\n${problem}\n`) : undefined);
  }
}

/** Whether a response with these fields has events of EventSource. */
export function isEventStream(headers: HeaderList): boolean {
  return hasMediaType(headers, 'text/event-stream');
}

/** What another process makes the options from again. */
function moreOf({ always, prefix, debug, claimed }: StreamOptions): Omit<StreamMore, 'session'> {
  return { always, prefix, debug, claimed };
}
