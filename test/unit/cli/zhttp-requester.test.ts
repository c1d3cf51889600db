import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type RequesterSink, ZhttpRequester } from '../../../src/cli/zhttp-requester.ts';
import { RequestPacket, type ResponsePacket } from '../../../src/codec/zhttp/index.ts';
import { parseFetchEndpoints } from '../../../src/config/index.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Arrivals } from '../../support/zmq/zmq-rig.ts';
import { RequestedFetcher } from './requested-fetcher.ts';

class Sink implements RequesterSink {
  readonly packets = new Arrivals<ResponsePacket>();
  readonly losses = new Arrivals<string>();

  onPacket(packet: ResponsePacket): void {
    this.packets.add(packet);
  }

  onLost(reason: string): void {
    this.losses.add(reason);
  }
}

const first = () => Object.assign(new RequestPacket(), { method: 'GET', uri: 'http://a/' });

for (const probes of [true, false]) {
  test(`a session goes both ways, with a responder that ${probes ? 'replies' : 'does not reply'} to packets for unknown sessions`, async (t) => {
    const asked = await RequestedFetcher.start(t, probes);
    const sink = new Sink();
    await asked.requester.open(first(), sink);
    const request = await asked.request();
    assert.match(request.from, /^holdfast-[0-9a-f]{12}$/);
    assert.deepEqual([request.uri, request.ids[0]?.seq], ['http://a/', 0]);
    await asked.respond({ type: 'keep-alive' });
    await asked.respond({ code: 200, more: true });
    assert.deepEqual(
      (await sink.packets.take(2)).map(({ type, code }) => [type, code]),
      [
        ['keep-alive', 0],
        ['data', 200],
      ],
    );
    asked.requester.send({ type: 'credit', credits: 5 });
    asked.requester.send({ body: Buffer.from('x') });
    const later = await asked.packets.take(2);
    assert.deepEqual(
      later.map(({ from, ids }) => [from, ids]),
      [
        [request.from, [{ id: request.ids[0]?.id, seq: 1 }]],
        [request.from, [{ id: request.ids[0]?.id, seq: 2 }]],
      ],
    );
    assert.deepEqual(
      asked.trace.map((line) => line.slice(0, 6)),
      ['> data', '< keep', '< data', '> cred', '> data'],
    );
  });
}

test('endpoints without a responder are reported after five seconds', async (t) => {
  const base = `ipc://${temporaryFolder(t)}/none`;
  const requester = new ZhttpRequester(parseFetchEndpoints(base), () => {});
  t.after(() => requester.close());
  const timers = fakeTimers(t, ['setTimeout', 'Date']);
  const connecting = requester.connect();
  timers.tick(5000);
  await assert.rejects(connecting, { name: 'CliError', message: `no server at ${base}-in-stream` });
});

test('one of the endpoints in place of their base is reported as such', async (t) => {
  const base = `ipc://${temporaryFolder(t)}/none`;
  const requester = new ZhttpRequester(parseFetchEndpoints(`${base}-in`), () => {});
  t.after(() => requester.close());
  const timers = fakeTimers(t, ['setTimeout', 'Date']);
  const connecting = requester.connect();
  timers.tick(5000);
  await assert.rejects(connecting, {
    name: 'CliError',
    message: `no server at ${base}-in-in-stream; --stream takes the base of the endpoints, such as ${base}`,
  });
});

test('a packet that is missing ends the session', async (t) => {
  const asked = await RequestedFetcher.start(t);
  const sink = new Sink();
  await asked.requester.open(first(), sink);
  await asked.request();
  await asked.respond({ type: 'keep-alive' });
  await asked.respondAs(2, { code: 200 });
  assert.equal(await sink.losses.next(), 'packets were lost: expected number 1, got 2');
  assert.equal(sink.packets.all.length, 1);
});

test('a packet that cannot be read ends the session', async (t) => {
  const asked = await RequestedFetcher.start(t);
  const sink = new Sink();
  await asked.requester.open(first(), sink);
  await asked.request();
  await asked.respondRaw('T5:abc');
  assert.match(await sink.losses.next(), /^malformed packet: /);
});

test('after the end nothing is sent or reported', async (t) => {
  const asked = await RequestedFetcher.start(t);
  const sink = new Sink();
  await asked.requester.open(first(), sink);
  await asked.request();
  asked.requester.end();
  asked.requester.send({ type: 'credit', credits: 1 });
  await asked.respond({ code: 200 });
  await asked.requester.close();
  assert.deepEqual([sink.packets.all, sink.losses.all], [[], []]);
  assert.equal(asked.trace.length, 1);
});

test('keep-alives are sent every 25 seconds, and a responder without any for 60 is given up', async (t) => {
  const asked = await RequestedFetcher.start(t);
  const sink = new Sink();
  const timers = fakeTimers(t, ['setTimeout', 'setInterval']);
  await asked.requester.open(first(), sink);
  await asked.request();
  timers.tick(25_000);
  assert.equal((await asked.packets.next()).type, 'keep-alive');
  await asked.respond({ type: 'keep-alive' });
  await sink.packets.next();
  timers.tick(25_000);
  assert.equal((await asked.packets.next()).ids[0]?.seq, 2);
  timers.tick(34_999);
  assert.deepEqual(sink.losses.all, []);
  timers.tick(1);
  assert.equal(await sink.losses.next(), 'the responder is silent');
});
