import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import type {
  HttpResponseFormat,
  HttpStreamFormat,
  Instruct,
  KeepAlive,
  PublishItem,
} from '../../../src/codec/grip/index.ts';
import {
  Counters,
  ExchangeError,
  type Log,
  type Payload,
  type Requester,
  type RequestHead,
  type Responder,
  type ResponseHead,
} from '../../../src/exchange/index.ts';
import { type HoldOptions, Hub, type HubLimits, type PatchBody } from '../../../src/hub/index.ts';

/** A client's side of an exchange that fails the test on any breach of the contract. */
export class FakeClient implements Requester {
  readonly request: RequestHead;
  responder: Responder | null = null;
  head: ResponseHead | null = null;
  /** What arrived, one entry a call. */
  readonly chunks: string[] = [];
  readonly payloads: Payload[] = [];
  ended = false;
  gone = false;
  handOvers = 0;
  requestCredits = 0;
  /** Called for every piece of body, before it is taken. */
  onBytes: (bytes: number) => void = () => {};
  onHead: () => void = () => {};
  onEnd: () => void = () => {};
  #credits: number;

  constructor(id: string, credits: number) {
    this.request = {
      id,
      method: 'GET',
      target: '/',
      scheme: 'http',
      authority: 'example.com',
      minorVersion: 1,
      headers: [],
      bodyLength: 0,
      peer: { address: '127.0.0.1', port: 1 },
      credits,
    };
    this.#credits = credits;
  }

  get credits(): number {
    return this.#credits;
  }

  get body(): string {
    return this.chunks.join('');
  }

  onResponse(head: ResponseHead): void {
    this.#assertOpen();
    assert.equal(this.head, null, 'one head');
    this.head = head;
    this.onHead();
  }

  onResponseData(chunk: Buffer, more: boolean): void {
    this.#assertOpen();
    assert.notEqual(this.head, null, 'the head comes first');
    assert.ok(chunk.length > 0 || !more, 'no empty piece but the last');
    if (!more) this.ended = true;
    if (chunk.length > 0) this.#take(chunk);
    if (!more) {
      const declared = this.head?.bodyLength ?? 0;
      if (declared >= 0) assert.equal(Buffer.byteLength(this.body), declared, 'the declared length');
      this.onEnd();
    }
  }

  onResponsePayload(payload: Payload): void {
    this.#assertOpen();
    assert.notEqual(this.head, null, 'the head comes first');
    assert.ok(payload.body.length > 0, 'no empty payload');
    this.#take(payload.body);
    this.payloads.push(payload);
  }

  onResponseError(): void {
    assert.fail('a hub does not fail');
  }

  onRequestCredit(bytes: number): void {
    this.requestCredits += bytes;
  }

  handOver(responder: Responder): void {
    this.#assertOpen();
    this.handOvers++;
    this.responder = responder;
  }

  grant(bytes: number): void {
    this.#credits += bytes;
    this.responder?.onResponseCredit(bytes);
  }

  leave(): void {
    this.gone = true;
    this.responder?.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  }

  #take(chunk: Buffer): void {
    assert.ok(chunk.length <= this.#credits, `${chunk.length} bytes for ${this.#credits} credits`);
    this.#credits -= chunk.length;
    // A client may grant more before it has done with what it got: nothing may overtake that.
    this.onBytes(chunk.length);
    this.chunks.push(chunk.toString());
  }

  #assertOpen(): void {
    assert.equal(this.ended, false, 'nothing after the end');
    assert.equal(this.gone, false, 'nothing for a client that left');
  }
}

/** A log that keeps its records. */
export class RecordingLog implements Log {
  readonly records: { level: string; fields: Record<string, unknown>; message: string }[] = [];
  debugEnabled = true;
  readonly error = this.#writer('error');
  readonly warn = this.#writer('warn');
  readonly info = this.#writer('info');
  readonly debug = this.#writer('debug');

  of(level: string): { fields: Record<string, unknown>; message: string }[] {
    return this.records.filter((record) => record.level === level);
  }

  #writer(level: string): Log['info'] {
    return (fields, message) => {
      this.records.push({ level, fields, message });
    };
  }
}

/** A hub with all around it, on a clock that only moves when it is told to. */
export class HubRig {
  readonly counters = new Counters();
  readonly log = new RecordingLog();
  readonly wheel: TimerWheel;
  readonly hub: Hub;
  #clients = 0;
  readonly #advance: (ms: number) => void;

  constructor(advance: (ms: number) => void, limits: Partial<HubLimits> = {}, patchBody: PatchBody = () => null) {
    this.#advance = advance;
    this.wheel = new TimerWheel();
    this.hub = new Hub({
      wheel: this.wheel,
      counters: this.counters,
      log: this.log,
      limits: { connectionSubscriptionMax: 20, queueItems: 100, queueBytes: 1_000_000, ...limits },
      patchBody,
    });
  }

  /** Lets time pass. */
  advance(ms: number): void {
    this.#advance(ms);
  }

  /** A client that was not held yet. */
  client(credits = 65_536): FakeClient {
    return new FakeClient(`c${++this.#clients}-1`, credits);
  }

  /** Holds `client` with `instruct`. */
  hold(client: FakeClient, instruct: Instruct, options: Partial<HoldOptions> = {}): FakeClient {
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

/** Takes over the clock of the test: returns what moves it. */
export function stoppedClock(t: TestContext): (ms: number) => void {
  let now = 0;
  t.mock.timers.enable({ apis: ['setInterval'] });
  t.mock.method(performance, 'now', () => now);
  return (ms) => {
    for (let passed = 0; passed < ms; passed += 100) {
      now += 100;
      t.mock.timers.tick(100);
    }
  };
}

/** A hub on a stopped clock, without jitter unless `random` says so. */
export function rig(
  t: TestContext,
  options: { limits?: Partial<HubLimits>; patchBody?: PatchBody; random?: number } = {},
): HubRig {
  const advance = stoppedClock(t);
  t.mock.method(Math, 'random', () => options.random ?? 0);
  const made = new HubRig(advance, options.limits, options.patchBody);
  t.after(() => made.wheel.stop());
  return made;
}

/** Resolves once what was published in this turn has been delivered. */
export function turn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
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

export function item(channel: string, formats: Pick<Partial<PublishItem>, 'httpResponse' | 'httpStream'>): PublishItem {
  return {
    channel,
    id: null,
    prevId: null,
    meta: {},
    size: null,
    noSeq: false,
    httpResponse: null,
    httpStream: null,
    ...formats,
  };
}
