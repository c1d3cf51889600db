import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { CuttingRelay } from '../support/cutting-relay.ts';
import { cursorIn, dataOf, got, type KeepingRig, startKeeping, THREE_ITEMS } from '../support/history/kept-channels.ts';
import { type NatsServer, startNats } from '../support/nats.ts';
import { startOrigin } from '../support/origin.ts';
import { eventually } from '../support/running-app.ts';
import { startSubscribing } from '../support/websocket/subscribing-origin.ts';
import { openWs } from '../support/websocket/ws-peers.ts';

const AWAY = 'broker is away: clients stay';

/** An origin that holds streams with an initial body, and requests for 1 s with `h=response`. */
function startOpening(t: TestContext): Promise<string> {
  return startOrigin(t, (request, response) => {
    const { searchParams } = new URL(request.url ?? '', 'http://x');
    const mode = searchParams.get('h') ?? 'stream';
    const hold = { 'Grip-Hold': mode, 'Grip-Channel': searchParams.get('c') ?? 'a', 'Grip-Timeout': '1' };
    response.writeHead(200, { 'Content-Type': 'text/event-stream', ...hold }).end(': open\n\n');
  });
}

function clusterOf(url: string): string {
  return `[cluster]\nnats = ["${url}"]\n${THREE_ITEMS}`;
}

/** Published for event streams, held requests and WebSockets. A try that is refused may be kept later: by its id the next one is the same item. */
async function publish({ app }: KeepingRig, channel: string, text: string): Promise<void> {
  const formats = {
    'http-stream': { content: `data: ${text}\n\n` },
    'http-response': { body: text },
    'ws-message': { content: text },
  };
  while ((await app.post([{ channel, id: text, formats }])).status !== 200);
}

const FAULTS = {
  'is killed': {
    begin: async (nats: NatsServer, { app }: KeepingRig) => {
      await nats.kill();
      await app.log.until(AWAY);
    },
    end: (nats: NatsServer) => nats.start(),
  },
  'is stopped': {
    begin: (nats: NatsServer) => nats.stop(),
    end: async (nats: NatsServer) => nats.resume(),
  },
};

for (const [name, { begin, end }] of Object.entries(FAULTS)) {
  test(`clients that come while the broker ${name} are served at once, and get what comes later and what they have missed`, async (t) => {
    const nats = await startNats(t);
    if (nats === null) return;
    const a = await startKeeping(t, clusterOf(nats.url), await startOpening(t));
    const over = await startKeeping(t, clusterOf(nats.url), `${await startSubscribing(t)},over_http`);
    const client = await a.stream('a');
    const cursor = cursorIn(await got(client, 'id: '));
    await publish(a, 'a', '1');
    await got(client, 'data: 1');
    await begin(nats, a);
    const streams = await Promise.all([a.stream('a', cursor), a.stream('other'), a.stream('a,other')]);
    for (const stream of streams) await got(stream, ': open\n\n');
    // At its timeout, with a cursor from which nothing is lost.
    const polled = await a.stream('other', cursor, '&h=response');
    const place = polled.header('last-event-id') ?? assert.fail('no cursor');
    const socket = await openWs(t, `ws://${over.app.address}/?c=other`);
    await end(nats);
    for (const channel of ['a', 'other']) await publish(a, channel, `${channel}-2`);
    for (const [stream, last] of [
      [streams[0], 'a-2'],
      [streams[1], 'other-2'],
      [streams[2], 'other-2'],
    ] as const)
      await got(stream, `data: ${last}\n`);
    assert.deepEqual(
      streams.map(({ text }) => dataOf(text)),
      [['1', 'a-2'], ['other-2'], ['a-2', 'other-2']],
    );
    assert.equal(await socket.next(), 'text other-2');
    const again = await a.stream('other', place, '&h=response');
    assert.equal(await again.ended(), true);
    assert.equal(again.text, 'other-2');
  });
}

test('with on_partition = "local" items go to the clients of the node while the broker is away, and the answer says so', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const local = clusterOf(nats.url).replace('[cluster]\n', '[cluster]\non_partition = "local"\n');
  const a = await startKeeping(t, local);
  const client = await a.stream('a');
  await got(client, 'id: ');
  const post = (text: string) =>
    a.app.post([{ channel: 'a', formats: { 'http-stream': { content: `data: ${text}\n\n` } } }]);
  await nats.stop();
  // It is stored later: nobody knows that yet.
  assert.equal((await post('early')).status, 503);
  const { status, body } = await post('local');
  assert.deepEqual([status, body.toString()], [200, 'Published on this node alone: the broker is away\n']);
  await got(client, 'data: local');
  nats.resume();
  await got(client, 'data: early');
  await publish(a, 'a', 'kept');
  await got(client, 'data: kept');
  assert.deepEqual(dataOf(client.text), ['local', 'early', 'kept']);
});

test('clients that come while their node is cut off get what other nodes publish meanwhile', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const relay = await CuttingRelay.start(t, nats.url.slice('nats://'.length));
  const origin = await startOpening(t);
  const a = await startKeeping(t, clusterOf(nats.url), origin);
  const cut = await startKeeping(t, clusterOf(relay.url.replace('http', 'nats')), origin);
  const over = await startKeeping(
    t,
    clusterOf(relay.url.replace('http', 'nats')),
    `${await startSubscribing(t)},over_http`,
  );
  relay.stall();
  relay.cut();
  for (const rig of [cut, over]) await rig.app.log.until(AWAY);
  const streams = await Promise.all([cut.stream('x'), cut.stream('x.>;pattern,y')]);
  for (const stream of streams) await got(stream, ': open\n\n');
  const socket = await openWs(t, `ws://${over.app.address}/?c=x`);
  for (const [channel, text] of [
    ['x', '1'],
    ['x.1', '2'],
    ['x', '3'],
    ['y', '4'],
  ] as const)
    await publish(a, channel, text);
  relay.goOn();
  relay.cut();
  await got(streams[0], 'data: 3');
  await got(streams[1], 'data: 4');
  await publish(a, 'x', '5');
  await got(streams[0], 'data: 5');
  assert.deepEqual(dataOf(streams[0].text), ['1', '3', '5']);
  assert.deepEqual(dataOf(streams[1].text), ['2', '4']);
  const texts: string[] = [];
  while (texts.length < 3) texts.push(await socket.next());
  assert.deepEqual(texts, ['text 1', 'text 3', 'text 5']);
});

test('a client that comes while its node is cut off is told of a gap where other nodes have published more than is kept', async (t) => {
  const nats = await startNats(t);
  if (nats === null) return;
  const relay = await CuttingRelay.start(t, nats.url.slice('nats://'.length));
  const a = await startKeeping(t, clusterOf(nats.url), await startOpening(t));
  const cut = await startKeeping(t, clusterOf(relay.url.replace('http', 'nats')), a.target);
  relay.stall();
  relay.cut();
  await cut.app.log.until(AWAY);
  const stream = await cut.stream('x');
  await got(stream, ': open\n\n');
  for (let i = 0; i < 5; i++) await publish(a, 'x', String(i));
  relay.goOn();
  relay.cut();
  await got(stream, 'event: gap');
  await publish(a, 'x', 'next');
  await got(stream, 'data: next');
  assert.deepEqual(dataOf(stream.text), ['{"channels":["x"]}', 'next']);
  await eventually(() => cut.app.counters.historyGaps === 1);
});
