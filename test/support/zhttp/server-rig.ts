import type { TestContext } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  DEFAULT_ZHTTP_LIMITS,
  encodeRequestPacket,
  type PacketFormat,
  RequestPacket,
} from '../../../src/codec/zhttp/index.ts';
import { SessionCounters } from '../../../src/zhttp/index.ts';
import { type FetchRules, FetchTarget } from '../../../src/zhttp-server/fetch-target.ts';
import { ServerEngine, type ServerEngineOptions } from '../../../src/zhttp-server/server-engine.ts';
import { FakeLog } from '../fake-log.ts';
import { manualClock } from '../manual-clock.ts';
import { type FakeFetch, FakeFetcher } from './fake-fetcher.ts';
import { FakeServerLink } from './fake-server-link.ts';

/** What a test may change: of the engine, and of the target that fetches. */
export type RigOptions = Partial<ServerEngineOptions & FetchRules>;

/** What a test may say in a packet of a requester. */
export type PacketFields = Partial<Omit<RequestPacket, 'body' | 'ids' | 'userData'>> & {
  readonly body?: string | Buffer;
  /** Default: `a`. Empty for none. */
  readonly id?: string;
  /** Default: 0 in a first packet, the next number of the session in others; null for none. */
  readonly seq?: number | null;
  readonly userData?: string;
  readonly format?: PacketFormat;
};

/** An engine between requesters and a fetcher that the test plays, with a clock that the test moves. It is called `zu`, and the requester `me`. */
export class ServerRig {
  readonly counters = new SessionCounters();
  readonly log: FakeLog;
  readonly wheel = new TimerWheel();
  readonly fetcher = new FakeFetcher();
  readonly engine: ServerEngine;
  readonly link: FakeServerLink;
  /** Number of the next packet in each session. */
  readonly #seqs = new Map<string, number>();

  constructor(changes: RigOptions = {}, debugEnabled = false) {
    this.log = new FakeLog(debugEnabled);
    let link: FakeServerLink | undefined;
    const options: ServerEngineOptions = {
      address: 'zu',
      maxOpenRequests: Number.POSITIVE_INFINITY,
      bufferSize: 1_000,
      maxBodyBytes: 10_000,
      sessionTimeout: 60_000,
      activityTimeout: 600_000,
      limits: DEFAULT_ZHTTP_LIMITS,
      target: new FetchTarget({
        fetcher: this.fetcher,
        rules: { current: { guard: null, obeyIgnorePolicies: true, decompress: false, ...changes } },
      }),
      wheel: this.wheel,
      counters: this.counters,
      log: this.log,
      ...changes,
    };
    this.engine = new ServerEngine(options, (sink) => {
      link = new FakeServerLink(sink);
      return link;
    });
    this.link = link as FakeServerLink;
  }

  /** Pushes a request for a streamed answer with 1000 credits; what of it was told the requester is kept. */
  stream(fields: PacketFields = {}): FakeFetch {
    this.first({ stream: true, credits: 1_000, ...fields });
    return this.fetcher.last;
  }

  /** Pushes a request for a WebSocket with 1000 credits. */
  webSocket(fields: PacketFields = {}): FakeFetch {
    this.first({ uri: 'ws://example.com/', method: '', credits: 1_000, ...fields });
    return this.fetcher.last;
  }

  /** A WebSocket that the origin has accepted, and takes so many bytes of; what the requester was told by then is not kept. */
  openWebSocket(granted = 1_000, fields: PacketFields = {}): FakeFetch {
    const fetch = this.webSocket(fields).accept();
    if (granted > 0) fetch.grant(granted);
    this.link.take();
    return fetch;
  }

  /** Pushes a first packet: a GET by `me`, unless `fields` say otherwise. */
  first(fields: PacketFields = {}): void {
    const { id = 'a', seq = 0, from = 'me' } = fields;
    this.#seqs.set(`${from} ${id}`, (seq ?? 0) + 1);
    this.link.sink.onFirst(requestPacket({ from, method: 'GET', uri: 'http://example.com/', ...fields, id, seq }));
  }

  /** Sends a further packet of a session. */
  follow(fields: PacketFields = {}): void {
    const { id = 'a', from = 'me' } = fields;
    const key = `${from} ${id}`;
    const { seq = this.#seqs.get(key) ?? 1 } = fields;
    if (seq !== null) this.#seqs.set(key, seq + 1);
    this.followRaw(requestPacket({ from, ...fields, id, seq }));
  }

  /** Sends one further packet of `me` for all these sessions. */
  followAll(sessions: readonly (readonly [id: string, seq: number | null])[], fields: PacketFields): void {
    this.followRaw(requestPacket({ from: 'me', ...fields }, sessions));
  }

  /** Asks in req mode, without an id unless there is one in `fields`. */
  request(fields: PacketFields = {}, envelope: readonly string[] = ['r', '']): void {
    this.requestRaw(
      requestPacket({ method: 'GET', uri: 'http://example.com/', id: '', seq: null, ...fields }),
      envelope,
    );
  }

  firstRaw(payload: string | Buffer): void {
    this.link.sink.onFirst(Buffer.from(payload as string, 'latin1'));
  }

  followRaw(payload: string | Buffer): void {
    this.link.sink.onFollowUp(Buffer.from(payload as string, 'latin1'));
  }

  requestRaw(payload: string | Buffer, envelope: readonly string[] = ['r', '']): void {
    this.link.sink.onRequest(
      envelope.map((frame) => Buffer.from(frame, 'latin1')),
      Buffer.from(payload as string, 'latin1'),
    );
  }
}

/** A packet of a requester as bytes, with its type byte. @param sessions that it is for, instead of `fields.id` */
export function requestPacket(
  fields: PacketFields,
  sessions?: readonly (readonly [id: string, seq: number | null])[],
): Buffer {
  const { id = 'a', seq = null, format = 'T', body = '', userData, ...rest } = fields;
  const refs = sessions ?? (id === '' ? [] : [[id, seq] as const]);
  const packet = Object.assign(new RequestPacket(), rest, {
    ids: refs.map(([name, number]) => ({ id: name, seq: number })),
    body: Buffer.from(body as string, 'latin1'),
    userData: userData === undefined ? null : Buffer.from(userData),
  });
  return encodeRequestPacket(packet, format);
}

/** The clock of each test, which all its engines share. */
const clocks = new WeakMap<TestContext, (seconds: number) => void>();

/** An engine on a stopped clock, and what moves that by seconds. */
export function serverRig(
  t: TestContext,
  changes: RigOptions = {},
  debugEnabled = false,
): ServerRig & { readonly advance: (seconds: number) => void } {
  const advance = clocks.get(t) ?? manualClock(t);
  clocks.set(t, advance);
  const rig = new ServerRig(changes, debugEnabled);
  t.after(() => rig.wheel.stop());
  return Object.assign(rig, { advance });
}
