import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import type { TestContext } from 'node:test';
import { DEFAULT_FETCH_OPTIONS, type FetchRequest, originOf } from '../../../src/client/index.ts';
import { WebSocketClient } from '../../../src/client/websocket-client.ts';
import type { WebSocketHop } from '../../../src/client/websocket-opener.ts';
import { DEFAULT_WEBSOCKET_CLIENT_LIMITS, type WebSocketClientLimits } from '../../../src/client/websocket-options.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters } from '../../../src/exchange/index.ts';
import { type Dialler, SystemResolver, TcpDialler } from '../../../src/net/index.ts';
import { FakeWebSocketRequester } from '../../support/exchange/fake-websocket-requester.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { type RawOrigin, startRawOrigin } from '../../support/raw-origin.ts';
import type { RawPeer } from '../../support/raw-peer.ts';

/** No test waits so long: what is to happen by itself must not happen by a timeout. */
const LIMITS: WebSocketClientLimits = {
  ...DEFAULT_WEBSOCKET_CLIENT_LIMITS,
  connectTimeout: 600,
  responseTimeout: 600,
  closeTimeout: 600,
  writeTimeout: 600,
  maxResponseHeaderBytes: 16_384,
};

/** Limits that differ from those, and what else a test wants of the client. */
export type ClientChanges = Partial<WebSocketClientLimits> & {
  readonly compression?: boolean;
  readonly dialler?: Dialler;
};

/** A client with what it works with; all of it ends with the test. */
export class WebSocketFixture {
  readonly client: WebSocketClient;
  readonly counters = new Counters();
  readonly log = new FakeLog();
  readonly limits: { current: WebSocketClientLimits };

  constructor(t: TestContext, changes: ClientChanges = {}) {
    const { compression = false, dialler = new TcpDialler({ resolver: new SystemResolver() }), ...limits } = changes;
    this.limits = { current: { ...LIMITS, ...limits } };
    const wheel = new TimerWheel();
    const { counters } = this;
    this.client = new WebSocketClient({
      dialler,
      wheel,
      counters,
      log: this.log,
      limits: this.limits,
      compression,
    });
    t.after(() => wheel.stop());
  }

  /** Asks for a WebSocket. */
  send(hop: WebSocketHop, credits = 65_536): FakeWebSocketRequester {
    const requester = new FakeWebSocketRequester(credits);
    const request: FetchRequest = {
      id: '1',
      method: 'GET',
      uri: `ws://${hop.authority}${hop.target}`,
      headers: hop.headers,
      bodyLength: 0,
      credits,
      options: DEFAULT_FETCH_OPTIONS,
    };
    requester.responder = this.client.open(hop, request, requester);
    return requester;
  }
}

/** A place at `port` of this machine from which nothing leads on, unless `fields` say otherwise. */
export function hopTo(port: number, fields: Partial<WebSocketHop> = {}): WebSocketHop {
  return {
    origin: originOf('127.0.0.1', port),
    authority: 'example.com',
    target: '/',
    headers: [],
    redirected: () => null,
    ...fields,
  };
}

/** The port of an origin. */
export function portOf(origin: RawOrigin): number {
  return Number(origin.route.split(':')[1]);
}

/** A client that has asked an origin for a WebSocket, and all who are in it. */
export interface Asked {
  readonly fixture: WebSocketFixture;
  readonly requester: FakeWebSocketRequester;
  readonly origin: RawOrigin;
  readonly peer: RawPeer;
  /** The request's head. */
  readonly head: string;
}

/** Asks an origin for a WebSocket, and takes the request there. */
export async function ask(
  t: TestContext,
  changes: ClientChanges = {},
  fields: Partial<WebSocketHop> = {},
  credits?: number,
): Promise<Asked> {
  const origin = await startRawOrigin(t);
  const fixture = new WebSocketFixture(t, changes);
  const requester = fixture.send(hopTo(portOf(origin), fields), credits);
  const peer = await origin.accept();
  return { fixture, requester, origin, peer, head: await peer.take() };
}

/** The Sec-WebSocket-Key of a request's head. */
export function keyOf(head: string): string {
  return /^Sec-WebSocket-Key: (.*)\r$/m.exec(head)?.[1] ?? '';
}

/** The answer that accepts `head`, without its empty line. Nothing of the code under test makes it. */
export function accepting(head: string): string {
  const accept = createHash('sha1')
    .update(`${keyOf(head)}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`)
    .digest('base64');
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`;
}

/** Opens a WebSocket whose requester takes so many bytes. */
export async function openWebSocket(
  t: TestContext,
  changes: ClientChanges = {},
  credits = 65_536,
  fields = '',
): Promise<Asked> {
  const asked = await ask(t, changes, {}, credits);
  asked.peer.write(`${accepting(asked.head)}${fields}\r\n`);
  await asked.requester.until(() => asked.requester.open && asked.requester.requestCredit > 0);
  return asked;
}

/** One frame of an origin, from its first byte and its payload in latin1. */
export function frame(first: number, payload = ''): Buffer {
  const length = payload.length;
  const header = length < 126 ? Buffer.from([first, length]) : Buffer.from([first, 126, length >> 8, length & 0xff]);
  return Buffer.concat([header, Buffer.from(payload, 'latin1')]);
}

export const TEXT = 0x81;
export const BINARY = 0x82;
export const CLOSE = 0x88;
export const PING = 0x89;
export const PONG = 0x8a;

/** A close frame's payload in latin1. */
export function closeText(code: number, reason = ''): string {
  return String.fromCharCode(code >> 8, code & 0xff) + reason;
}

/** The next frame that the client sends, as a line: its first byte in hex, and its payload in latin1. Nothing of the code under test reads it. */
export async function takeFrame(peer: RawPeer): Promise<string> {
  const [first = '', second = ''] = await peer.takeBytes(2);
  assert.ok(second.charCodeAt(0) >= 128, 'masked');
  let length = second.charCodeAt(0) & 0x7f;
  if (length >= 126) {
    const bytes = Buffer.from(await peer.takeBytes(length === 126 ? 2 : 8), 'latin1');
    length = length === 126 ? bytes.readUInt16BE() : Number(bytes.readBigUInt64BE());
  }
  const key = Buffer.from(await peer.takeBytes(4), 'latin1');
  const payload = Buffer.from(await peer.takeBytes(length), 'latin1');
  for (let i = 0; i < length; i++) (payload[i] as number) ^= key[i % 4] as number;
  return `${first.charCodeAt(0).toString(16)} ${payload.toString('latin1')}`.trimEnd();
}
