import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  type HttpResponseFormat,
  type HttpStreamFormat,
  type Instruct,
  type KeepAlive,
  NO_LINKS,
  type PublishItem,
  type WsMessageFormat,
} from '../../../src/codec/grip/index.ts';
import { Counters, Holder } from '../../../src/exchange/index.ts';
import {
  type ChannelPosition,
  type FormerHold,
  type HoldOptions,
  Hub,
  type HubLimits,
  type HubStages,
  type LinkClient,
  type LinkFetch,
  type NextLink,
  type PatchBody,
  PresenceTable,
  type Replay,
  type ReplayExchange,
  type WebSocketHold,
} from '../../../src/hub/index.ts';
import type { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { HeldClient } from '../../support/exchange/held-client.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';

/** A hub with all around it, on a clock that only moves when it is told to. */
export class HubRig {
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly wheel: TimerWheel;
  readonly hub: Hub;
  readonly presence: PresenceTable;
  readonly limits: Holder<HubLimits>;
  #clients = 0;
  readonly #advance: (ms: number) => void;

  constructor(
    advance: (ms: number) => void,
    limits: Partial<HubLimits> = {},
    patchBody: PatchBody = () => null,
    stages?: HubStages,
  ) {
    this.#advance = advance;
    this.wheel = new TimerWheel();
    this.limits = new Holder({
      connectionSubscriptionMax: 20,
      queueItems: 100,
      queueBytes: 1_000_000,
      messageWait: 5,
      idCacheTtl: 60,
      messageRate: 0,
      messageHwm: 0,
      messageBlockSize: 0,
      updateOnFirstSubscription: false,
      subscriptionLinger: 60,
      ...limits,
    });
    const shared = { wheel: this.wheel, counters: this.counters, log: this.log };
    this.presence = new PresenceTable({ ...shared, limits: { current: { presenceGrace: 5 } } });
    this.hub = new Hub({
      wheel: this.wheel,
      counters: this.counters,
      log: this.log,
      limits: this.limits,
      presence: this.presence,
      patchBody,
      stages,
    });
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#advance(ms);
  }

  /** A client that was not held yet. */
  client(credits = 65_536): HeldClient {
    return new HeldClient(`c${++this.#clients}-1`, credits);
  }

  /** Holds `client` with `instruct`. */
  hold(client: HeldClient, instruct: Instruct, options: Partial<HoldOptions> = {}): HeldClient {
    this.hub.hold({
      request: client.request,
      instruct,
      requester: client,
      credits: client.credits,
      replay: null,
      ...options,
    });
    return client;
  }

  /** Publishes items and lets the event loop's turn end. */
  async publish(...items: PublishItem[]): Promise<void> {
    this.hub.publish(items);
    await turn();
  }

  assertEmpty(): void {
    assert.deepEqual(this.hub.stats, { holds: 0, channels: 0 });
    assert.equal(this.counters.holdsOpen, 0);
  }
}

/** Milliseconds of one step of that clock: as often as anything here is called. */
const STEP = 25;

/** Takes over the clock of the test: returns what moves it. */
export function stoppedClock(t: TestContext): (ms: number) => void {
  let now = 0;
  const timers = fakeTimers(t, ['setInterval']);
  t.mock.method(performance, 'now', () => now);
  return (ms) => {
    for (let passed = 0; passed < ms; passed += STEP) {
      now += STEP;
      timers.tick(STEP);
    }
  };
}

/** A hub on a stopped clock, without jitter unless `random` says so. */
export function rig(
  t: TestContext,
  options: { limits?: Partial<HubLimits>; patchBody?: PatchBody; random?: number; stages?: HubStages } = {},
): HubRig {
  const advance = stoppedClock(t);
  t.mock.method(Math, 'random', () => options.random ?? 0);
  const made = new HubRig(advance, options.limits, options.patchBody, options.stages);
  t.after(() => made.wheel.stop());
  return made;
}

/** A held request at its origin, which says nothing by itself. */
export class SilentReplay implements ReplayExchange {
  readonly former: FormerHold;
  readonly #onStart: (former: FormerHold) => void;
  aborted = false;
  #credits: number;

  constructor(former: FormerHold, onStart: (former: FormerHold) => void) {
    this.former = former;
    this.#onStart = onStart;
    this.#credits = former.credits;
  }

  start(): void {
    this.#onStart(this.former);
  }

  abort(): number {
    assert.equal(this.aborted, false, 'a replay is aborted once');
    this.aborted = true;
    return this.#credits;
  }

  onRequestData(): void {}

  onRequestError(): void {
    this.former.done();
  }

  onResponseCredit(bytes: number): void {
    this.#credits += bytes;
  }
}

/** A link whose responses the test gives. */
export class ManualLink implements NextLink {
  readonly target = 'origin:80';
  readonly timeout = 120;
  readonly clients: LinkClient[] = [];
  readonly positions: (readonly ChannelPosition[])[] = [];
  aborted = 0;

  open(positions: readonly ChannelPosition[], client: LinkClient): LinkFetch {
    this.positions.push(positions);
    return {
      start: () => {
        this.clients.push(client);
        return false;
      },
      taken: () => {},
      abort: () => {
        this.aborted++;
      },
    };
  }

  get last(): LinkClient {
    return this.clients.at(-1) ?? assert.fail('not followed');
  }
}

/** An origin that does not respond to replays before the test does. */
export class SilentOrigin {
  readonly replays: SilentReplay[] = [];
  /** What each replay says that its client has missed. */
  readonly missed: (readonly string[] | null)[] = [];
  readonly replay: Replay = {
    target: 'origin:80',
    bytes: 0,
    open: (former, missed) => {
      const exchange = new SilentReplay(former, () => {
        this.replays.push(exchange);
        this.missed.push(missed);
      });
      return exchange;
    },
  };

  /** The hold whose request came with the replay of this number. */
  former(index: number): FormerHold {
    return (this.replays[index] as SilentReplay).former;
  }
}

/** A replay that calls `onStart` when it begins. */
export function replayBy(onStart: (former: FormerHold) => void, target = 'origin:80'): Replay {
  return { target, bytes: 0, open: (former) => new SilentReplay(former, onStart) };
}

/** Resolves once what was published in this turn has been delivered. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Has a client with 65,536 credits grant them again as a connection does: in the turn after it was given the first message. */
export function takeAllEachTurn(requester: FakeWebSocketRequester, hold: WebSocketHold): void {
  let scheduled = false;
  requester.onCall = () => {
    if (requester.credits === 65_536 || scheduled) return;
    scheduled = true;
    setImmediate(() => {
      const bytes = 65_536 - requester.credits;
      scheduled = false;
      requester.credits += bytes;
      hold.credit(bytes);
    });
  };
}

export interface InstructOptions {
  readonly timeout?: number;
  readonly keepAlive?: KeepAlive;
  readonly status?: number;
  readonly headers?: string[];
  readonly body?: string;
}

export function responseInstruct(channels: readonly string[], options: InstructOptions = {}): Instruct {
  return instruct('response', channels, options);
}

export function streamInstruct(channels: readonly string[], options: InstructOptions = {}): Instruct {
  return instruct('stream', channels, options);
}

function instruct(mode: 'response' | 'stream', channels: readonly string[], options: InstructOptions): Instruct {
  const { timeout = 55, keepAlive = null, status = 200, headers = [], body = '' } = options;
  return {
    hold: {
      mode,
      channels: channels.map((name) => ({ name, prevId: null, filters: [] })),
      timeout,
      keepAlive,
      meta: {},
    },
    response: { status, reason: '', headers, body: Buffer.from(body) },
    links: NO_LINKS,
  };
}

export function keepAlive(content: string, timeout: number, mode: KeepAlive['mode'] = 'idle'): KeepAlive {
  return { content: Buffer.from(content), timeout, mode };
}

export function streamItem(channel: string, content: string): PublishItem {
  return item(channel, { httpStream: streamFormat(content) });
}

export function streamAction(channel: string, action: 'hint' | 'close'): PublishItem {
  return item(channel, { httpStream: { ...streamFormat(''), action } });
}

export function streamFormat(content: string): HttpStreamFormat {
  return { action: 'send', content: Buffer.from(content), contentFilters: null };
}

export function messageFormat(content: string, format: Partial<WsMessageFormat> = {}): WsMessageFormat {
  return {
    action: 'send',
    type: 'text',
    content: Buffer.from(content),
    code: 1000,
    reason: '',
    contentFilters: null,
    ...format,
  };
}

export function messageItem(channel: string, content: string, format: Partial<WsMessageFormat> = {}): PublishItem {
  return item(channel, { wsMessage: messageFormat(content, format) });
}

export function responseFormat(format: Partial<HttpResponseFormat> = {}): HttpResponseFormat {
  return {
    action: 'send',
    code: 200,
    reason: '',
    headers: [],
    body: Buffer.alloc(0),
    bodyPatch: null,
    exposeHeaders: null,
    contentFilters: null,
    ...format,
  };
}

export function responseItem(channel: string, body: string, format: Partial<HttpResponseFormat> = {}): PublishItem {
  return item(channel, { httpResponse: responseFormat({ body: Buffer.from(body), ...format }) });
}

export function responseHint(channel: string): PublishItem {
  return item(channel, { httpResponse: responseFormat({ action: 'hint' }) });
}

export function item(
  channel: string,
  formats: Pick<Partial<PublishItem>, 'httpResponse' | 'httpStream' | 'wsMessage'>,
): PublishItem {
  return {
    channel,
    id: null,
    prevId: null,
    meta: {},
    size: null,
    noSeq: false,
    httpResponse: null,
    httpStream: null,
    wsMessage: null,
    ...formats,
  };
}
