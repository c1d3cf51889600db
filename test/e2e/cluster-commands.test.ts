import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { decode, encode, type TnetstringInput } from '../../src/codec/tnetstring/index.ts';
import { WebSocketContext } from '../../src/grip-origin/websocket-context.ts';
import { freePorts } from '../support/free-ports.ts';
import { got, type KeepingRig, startKeeping } from '../support/history/kept-channels.ts';
import { startNats } from '../support/nats.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { eventually } from '../support/running-app.ts';
import { openWs } from '../support/websocket/ws-peers.ts';
import { LibzmqPeer } from '../support/zmq/libzmq-peer.ts';

const SCRIPT = fileURLToPath(new URL('../support/zmq/libzmq-peer.py', import.meta.url));

/** What an origin was asked: clients that it has held as the mode says, and WebSockets of which it got a request without events. */
interface Asked {
  stream: number;
  response: number;
  refreshed: number;
}

/** Holds clients on the channel `c` of the query, as `h` says, and subscribes WebSockets to it. */
function startAsked(t: TestContext, asked: Asked): Promise<string> {
  return startOrigin(t, async (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const channel = searchParams.get('c') ?? 'a';
    if (request.headers['content-type'] !== 'application/websocket-events') {
      const mode = searchParams.get('h') === 'response' ? 'response' : 'stream';
      asked[mode]++;
      const hold = { 'Content-Type': 'text/event-stream', 'Grip-Hold': mode, 'Grip-Channel': channel };
      response.writeHead(200, hold).end(': open\n\n');
      return;
    }
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const fields = Object.entries(request.headers).map(([name, value]) => [name, String(value)] as const);
    const socket = new WebSocketContext(fields, Buffer.concat(chunks));
    if (socket.opening) {
      socket.accept();
      socket.subscribe(channel);
      socket.send('open');
    } else if (chunks.length === 0) asked.refreshed++;
    const { status, headers, body } = socket.response();
    response.writeHead(status, headers).end(body);
  });
}

/** Two nodes: publishers are at one, with all inputs, and clients at the other. */
async function startPair(t: TestContext) {
  const nats = await startNats(t);
  if (nats === null || requirePeer(t, 'python3-zmq') === null) return null;
  const [pull, command] = (await freePorts(2)).map((port) => `tcp://127.0.0.1:${port}`) as [string, string];
  const asked: Asked = { stream: 0, response: 0, refreshed: 0 };
  const origin = `${await startAsked(t, asked)},over_http`;
  const cluster = `[cluster]\nnats = ["${nats.url}"]\n[[channel]]\nmatch = "kept"\nhistory_items = 5\n`;
  const a = await startKeeping(t, `[publish]\npull = ["${pull}"]\ncommand = ["${command}"]\n${cluster}`, origin);
  const b = await startKeeping(t, cluster, origin);
  while ((await a.control.send('GET', '/nodes')).json.nodes.length < 2);
  const peer = new LibzmqPeer(['/usr/bin/python3', SCRIPT]);
  t.after(() => peer.stop());
  const [push, req] = [await peer.open('PUSH', { connect: pull }), await peer.open('REQ', { connect: command })];
  const ask = async (method: string, args: TnetstringInput = {}) => {
    await req.send([encode({ id: '1', method, args })]);
    const [reply] = await req.messages.next();
    return decode(reply as Buffer) as Record<string, unknown>;
  };
  return { nats, asked, a, b, push, ask };
}

/** How often a node has come to hold a request. */
function heldPolls({ app }: KeepingRig): number {
  return app.log.of('hold').filter(({ mode }) => mode === 'response').length;
}

/** Clients of a node: an event stream, a held request and a WebSocket, to all of which items of the other node come. */
async function clientsOf(t: TestContext, { b, a }: { a: KeepingRig; b: KeepingRig }, channel: string) {
  const stream = await b.stream(channel);
  await got(stream, ': open');
  const socket = await openWs(t, `ws://${b.app.address}/?c=${channel}`);
  assert.equal(await socket.next(), 'text open');
  const before = heldPolls(b);
  const poll = b.stream(channel, null, '&h=response');
  await eventually(() => heldPolls(b) > before);
  // The broker has the subscription when an item has come.
  while (!stream.text.includes('warm')) await a.publish(channel, 'warm');
  return { stream, socket, poll };
}

type Item = { readonly [name: string]: TnetstringInput };

for (const channel of ['kept', 'other']) {
  test(`items that close, hint or refresh on the channel "${channel}" reach the clients of another node, by each input`, async (t) => {
    const rig = await startPair(t);
    if (rig === null) return;
    const { asked, a, b, push, ask } = rig;
    const inputs: Record<string, (item: Item) => Promise<unknown>> = {
      http: (item) => a.app.publish(item as never),
      pull: (item) => push.sendSurely([encode(item)]),
      command: (item) => ask('publish', { items: [item] }),
    };
    for (const [name, publish] of Object.entries(inputs)) {
      const { stream, poll } = await clientsOf(t, rig, channel);
      const before = { ...asked, held: heldPolls(b) };
      await publish({ channel, formats: { 'http-response': { action: 'hint' } } });
      // Its origin was asked again, and it is held again.
      await eventually(() => heldPolls(b) > before.held);
      assert.equal(asked.response, before.response + 1);
      await publish({ channel, formats: { 'ws-message': { action: 'refresh' } } });
      await eventually(() => asked.refreshed > before.refreshed);
      await publish({ channel, formats: { 'http-stream': { action: 'close' } } });
      assert.equal(await stream.ended(), true, name);
      await publish({ channel, formats: { 'http-response': { body: 'end' } } });
      await got(await poll, 'end');
    }
  });
}

test('commands over ZeroMQ and a recovery concern the clients of all nodes, or those of one', async (t) => {
  const rig = await startPair(t);
  if (rig === null) return;
  const { asked, a, b, ask } = rig;
  const { poll } = await clientsOf(t, rig, 'other');
  await eventually(() => asked.response === 1 && b.app.app.counters.proxy.holdsOpen === 3);
  const { connections } = (await a.control.send('GET', '/connections')).json;
  const idOf = (kind: string): string => connections.find((each: { kind: string }) => each.kind === kind).id;
  const ids = ['stream', 'response', 'websocket'].map(idOf);
  const checked = await ask('conncheck', { ids: [...ids, 'unknown'] });
  assert.deepEqual((checked.value as Buffer[]).map(String).sort(), ids.toSorted());
  assert.equal((await ask('refresh', { cid: idOf('websocket') })).success, true);
  await eventually(() => asked.refreshed === 1);
  assert.equal((await ask('recover')).success, true);
  await eventually(() => asked.response === 2);
  await b.app.held(4);
  // Here there is nobody to recover.
  const [address = ''] = a.app.app.addresses.control;
  assert.equal((await fetch(`http://${address}/recover?scope=node`, { method: 'POST' })).status, 200);
  await a.app.recover();
  await eventually(() => asked.response === 3);
  await b.app.held(5);
  await a.app.publish({ channel: 'other', formats: { 'http-response': { body: 'end' } } });
  await got(await poll, 'end');
  assert.equal(asked.response, 3);
});

test('while the broker is away commands with items are refused, so that the commands of others go on', async (t) => {
  const rig = await startPair(t);
  if (rig === null) return;
  const { nats, a, ask } = rig;
  const publish = () => ask('publish', { items: [{ channel: 'kept', formats: { 'http-response': { body: 'x' } } }] });
  assert.equal((await publish()).success, true);
  await nats.stop();
  // It may be stored later.
  assert.equal(String((await publish()).condition), 'service-unavailable');
  await nats.kill();
  await a.app.log.until('broker is away: clients stay');
  assert.equal(String((await publish()).condition), 'service-unavailable');
  assert.equal(String((await ask('refresh', { channel: 'kept' })).condition), 'service-unavailable');
  assert.equal((await ask('conncheck', { ids: ['x'] })).success, true);
});
