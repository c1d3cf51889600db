import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { DEFAULT_LIMITS } from '../../../src/codec/http1/index.ts';
import { DEFAULT_LIMITS as WEBSOCKET_LIMITS } from '../../../src/codec/websocket/index.ts';
import { Counters } from '../../../src/exchange/index.ts';
import { HttpServer } from '../../../src/server/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { connectTo, type RawClient } from '../../support/raw-client.ts';
import { settled } from '../../support/settled.ts';
import { EdgeRig } from '../../support/zhttp/edge-rig.ts';
import type { FakeHandlerLink } from '../../support/zhttp/fake-handler-link.ts';
import { closeText, frame, handshake, takeFrame } from '../server/raw-websocket.ts';

const LIMITS = {
  ...DEFAULT_LIMITS,
  ...WEBSOCKET_LIMITS,
  maxConnections: 100,
  acceptTimeout: 10,
  headerTimeout: 10,
  idleTimeout: 75,
  bodyTimeout: 60,
  writeTimeout: 60,
  requestTimeout: 0,
  pipelineBytes: 65_536,
  abortOnHalfClose: true,
  queuedMessages: 100,
  closeTimeout: 10,
};

/** A server whose requests become sessions with handlers that the test plays. */
class ServerRig {
  readonly rig = new EdgeRig();
  readonly #t: TestContext;
  #address = '';

  private constructor(t: TestContext) {
    this.#t = t;
  }

  static async start(t: TestContext): Promise<ServerRig> {
    const made = new ServerRig(t);
    const { edge, wheel, log } = made.rig;
    const { service, webSocketService } = edge;
    const counters = new Counters();
    const server = new HttpServer({
      service,
      webSocketService,
      autoPong: false,
      limits: { current: LIMITS },
      wheel,
      counters,
      log,
    });
    t.after(async () => {
      server.drain();
      server.destroy();
      await server.whenEmpty();
      wheel.stop();
    });
    made.#address = (await server.listen({ kind: 'tcp', host: '127.0.0.1', port: 0 })).address;
    return made;
  }

  get link(): FakeHandlerLink {
    return this.rig.link;
  }

  /** Connects, sends this, and waits for the session that it begins. */
  async ask(text: string): Promise<{ client: RawClient; id: string }> {
    const client = await connectTo(this.#t, this.#address);
    return { client, id: await this.askOn(client, text) };
  }

  /** As `ask`, on a connection that there is. */
  async askOn(client: RawClient, text: string): Promise<string> {
    const { offered } = this.link;
    const count = offered.length;
    client.write(text);
    while (offered.length === count) await turn();
    return offered.at(-1)?.ids[0]?.id ?? '';
  }

  /** What has been routed, once so many packets have. */
  async routed(count: number): Promise<string[]> {
    while (this.link.routed.length < count) await turn();
    return this.link.take();
  }
}

const GET = 'GET / HTTP/1.1\r\nHost: a\r\n\r\n';

test('a response in one packet has a Content-Length, and the connection stays open', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(GET);
  made.link.respond(id, { code: 200, reason: 'Fine', headers: ['X-A', '1'], body: 'hello' });
  const { statusLine, headers, body } = await client.takeResponse();
  assert.deepEqual([statusLine, headers.get('content-length'), body], ['HTTP/1.1 200 Fine', '5', 'hello']);
  const next = await made.askOn(client, GET);
  made.link.respond(next, { code: 204 });
  assert.equal((await client.takeResponse()).status, 204);
});

test('a response in many packets leaves in chunks as they come', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(GET);
  made.link.respond(id, { code: 200, more: true });
  assert.equal((await client.takeHead()).headers.get('transfer-encoding'), 'chunked');
  for (const body of ['one', 'two']) {
    made.link.respond(id, { body, more: true });
    assert.equal(await client.takeChunk(), body);
  }
  made.link.respond(id, {});
  assert.equal(await client.takeChunk(), '');
});

test('a response whose body is not as long as it says is a 502, whether it is too short or too long', async (t) => {
  const made = await ServerRig.start(t);
  for (const body of ['1234', '123456']) {
    const { client, id } = await made.ask(GET);
    made.link.respond(id, { code: 200, headers: ['Content-Length', '5'], body });
    assert.equal((await client.takeResponse()).status, 502);
  }
  assert.equal(made.rig.counters.sessionsOpen, 0);
});

test('a body that turns out too short or too long after it has begun is cut off', async (t) => {
  const made = await ServerRig.start(t);
  for (const rest of ['4', '456']) {
    const { client, id } = await made.ask(GET);
    made.link.respond(id, { code: 200, headers: ['Content-Length', '5'], body: '123', more: true });
    assert.equal((await client.takeHead()).headers.get('content-length'), '5');
    made.link.respond(id, { body: rest });
    await client.ended;
    assert.equal(client.text, '123');
  }
});

test('a body that grows too long before its end gives its handler a cancel', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(GET);
  made.link.respond(id, { code: 200, headers: ['Content-Length', '5'], body: '123', more: true });
  await client.takeHead();
  made.link.respond(id, { body: '456', more: true });
  await client.ended;
  while (made.rig.counters.sessionsOpen > 0) await turn();
  // The credit for what was taken may come first.
  assert.match((await made.routed(1)).at(-1) ?? '', /^h1 .*#[12] cancel$/);
});

test('a status without a body drops the body of the packet, and the connection stays open', async (t) => {
  const made = await ServerRig.start(t);
  for (const code of [204, 304]) {
    const { client, id } = await made.ask(GET);
    made.link.respond(id, { code, body: 'none of this' });
    assert.equal((await client.takeResponse()).status, code);
    made.link.respond(await made.askOn(client, GET), { code: 200, body: 'next' });
    assert.equal((await client.takeResponse()).body, 'next');
  }
});

test("an empty chunked body that comes with its head ends with the handler's first packet", async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  await turn();
  assert.deepEqual(made.link.take(), []);
  made.link.respond(id, { type: 'credit', credits: 100 });
  assert.deepEqual(await made.routed(1), [`h1 ${id}#1 data`]);
  made.link.respond(id, { code: 200, body: 'done' });
  assert.equal((await client.takeResponse()).body, 'done');
});

test('a body is read as the handler grants credits, and 100 Continue is sent with the first ones', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(
    'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\nExpect: 100-continue\r\n\r\n',
  );
  assert.equal(made.link.offered[0]?.more, true);
  made.link.respond(id, { type: 'credit', credits: 5 });
  assert.equal((await client.takeHead()).status, 100);
  client.write('hello world');
  assert.deepEqual(await made.routed(1), [`h1 ${id}#1 data "hello" more`]);
  made.link.respond(id, { type: 'credit', credits: 100 });
  assert.deepEqual(await made.routed(1), [`h1 ${id}#2 data " world"`]);
  made.link.respond(id, { code: 200 });
  assert.equal((await client.takeResponse()).status, 200);
});

test("a client that leaves is noticed before and after the handler's first packet", async (t) => {
  const made = await ServerRig.start(t);
  const early = await made.ask(GET);
  const late = await made.ask(GET);
  made.link.respond(late.id, { code: 200, more: true });
  await late.client.takeHead();
  early.client.socket.destroy();
  while (made.link.withdrawn.length === 0) await turn();
  made.link.respond(early.id, { code: 200 });
  assert.deepEqual(made.link.take(), [`h1 ${early.id}#1 cancel`]);
  late.client.socket.destroy();
  assert.deepEqual(await made.routed(1), [`h1 ${late.id}#1 cancel`]);
  assert.equal(made.rig.counters.sessionsOpen, 0);
});

test('a WebSocket is accepted, talks and closes', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(`${handshake()}\r\n`);
  made.link.respond(id, { code: 101, headers: ['Upgrade', 'nonsense', 'Sec-WebSocket-Accept', 'x', 'X-A', 'b'] });
  const { status, headers } = await client.takeHead();
  assert.deepEqual([status, headers.get('upgrade'), headers.get('x-a')], [101, 'websocket', 'b']);
  client.write(Buffer.concat([frame(1, 'hello'), frame(9, 'p')]));
  assert.deepEqual(await made.routed(2), [`h1 ${id}#1 data text "hello"`, `h1 ${id}#2 ping "p"`]);
  made.link.respond(id, { body: 'hi' });
  made.link.respond(id, { type: 'pong', body: 'p' });
  made.link.respond(id, { type: 'close', code: 1001, body: 'bye' });
  assert.deepEqual(
    [await takeFrame(client), await takeFrame(client), await takeFrame(client)],
    ['1 hi', '10 p', `8 ${closeText(1001, 'bye')}`],
  );
  client.write(frame(8, closeText(1001)));
  assert.equal((await made.routed(1)).at(-1), `h1 ${id}#3 close 1001`);
  await client.ended;
  assert.equal(made.rig.counters.sessionsOpen, 0);
});

test('an acceptance that cannot be written gives a 502, and its handler gets a cancel', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(`${handshake()}\r\n`);
  made.link.respond(id, { code: 101, headers: ['Sec-WebSocket-Protocol', 'one', 'Sec-WebSocket-Protocol', 'two'] });
  assert.equal((await client.takeResponse()).status, 502);
  assert.deepEqual(await made.routed(1), [`h1 ${id}#1 cancel`]);
  assert.equal(made.rig.counters.sessionsOpen, 0);
});

test('a handler that fails an open WebSocket closes it with 1011', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask(`${handshake()}\r\n`);
  made.link.respond(id, { code: 101 });
  await client.takeHead();
  made.link.respond(id, { type: 'close', code: 1006 });
  assert.equal(await takeFrame(client), `8 ${closeText(1011)}`);
  assert.deepEqual(made.link.take(), [`h1 ${id}#1 cancel`]);
});

test('a client with credit is not read during a handoff, and all its bytes arrive afterwards', async (t) => {
  const made = await ServerRig.start(t);
  const { client, id } = await made.ask('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 30000000\r\n\r\n');
  made.link.respond(id, { type: 'credit', credits: 2 ** 50 });
  made.link.respond(id, { type: 'handoff-start' });
  assert.deepEqual(await made.routed(1), [`h1 ${id}#1 handoff-proceed`]);
  client.write(Buffer.alloc(30_000_000));
  await settled(() => client.socket.writableLength);
  assert.ok(client.socket.writableLength > 10_000_000, `${client.socket.writableLength} bytes were not read`);
  assert.deepEqual(made.link.take(), []);
  made.link.respond(id, { type: 'keep-alive' }, 'h2');
  let received = 0;
  made.link.onRouted = ({ packet }) => {
    received += packet.body.length;
  };
  received += made.link.routed.reduce((bytes, { packet }) => bytes + packet.body.length, 0);
  while (received < 30_000_000) await turn();
  assert.equal(received, 30_000_000);
});
