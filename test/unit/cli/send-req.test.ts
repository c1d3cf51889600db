import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Router } from 'zeromq';
import { sendReq } from '../../../src/cli/send-req.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import {
  encodeResponsePacket,
  parseRequestPacket,
  RequestPacket,
  ResponsePacket,
} from '../../../src/codec/zhttp/index.ts';
import { PullSocket, ZmqCounters } from '../../../src/zmq/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const never = new Promise<never>(() => {});

const request = () => Object.assign(new RequestPacket(), { method: 'GET', uri: 'http://a/' });

/** A responder of req mode, bound at a path of its own. */
async function responder(t: TestContext): Promise<{ endpoint: string; router: Router }> {
  const endpoint = `ipc://${temporaryFolder(t)}/req`;
  const router = new Router({ linger: 0 });
  t.after(() => router.close());
  await router.bind(endpoint);
  return { endpoint, router };
}

test('a request is one message, and so is its response', async (t) => {
  const { endpoint, router } = await responder(t);
  const trace: string[] = [];
  const answered = sendReq(endpoint, request(), (direction, text) => trace.push(direction + text.slice(0, 5)), never);
  const [peer = '', delimiter = '', payload] = await router.receive();
  const { ids, uri, from } = parseRequestPacket(payload as Buffer);
  assert.match(ids[0]?.id ?? '', /^[0-9a-f]{12}$/);
  assert.deepEqual([uri, from, ids[0]?.seq], ['http://a/', '', null]);
  const answer = Object.assign(new ResponsePacket(), { ids, code: 200, body: Buffer.from('hello') });
  await router.send([peer, delimiter, encodeResponsePacket(answer)]);
  const { code, body } = await answered;
  assert.deepEqual([code, body.toString()], [200, 'hello']);
  assert.deepEqual(trace, ['>data ', '<data ']);
});

test('a response that cannot be read is an error', async (t) => {
  const { endpoint, router } = await responder(t);
  const answered = sendReq(endpoint, request(), () => {}, never);
  const [peer = '', delimiter = ''] = await router.receive();
  const failed = assert.rejects(answered, { name: 'CliError', message: /^malformed response: / });
  await router.send([peer, delimiter, 'T5:abc']);
  await failed;
});

test('a responder that leaves before its response is an error', async (t) => {
  const { endpoint, router } = await responder(t);
  const answered = sendReq(endpoint, request(), () => {}, never);
  await router.receive();
  const failed = assert.rejects(answered, {
    name: 'CliError',
    message: `${endpoint} disconnected before it responded`,
  });
  router.close();
  await failed;
});

test('an endpoint without a responder is reported after five seconds', async (t) => {
  const endpoint = `ipc://${temporaryFolder(t)}/none`;
  const timers = fakeTimers(t, ['setTimeout']);
  const answered = sendReq(endpoint, request(), () => {}, never);
  timers.tick(5000);
  await assert.rejects(answered, { name: 'CliError', message: `no server at ${endpoint}` });
});

test('an endpoint of another kind is reported as such', async (t) => {
  const endpoint = `ipc://${temporaryFolder(t)}/in`;
  const log = new FakeLog();
  const context = { wheel: new TimerWheel(), counters: new ZmqCounters(), log };
  const pull = new PullSocket(context, {}, () => {});
  t.after(async () => {
    await pull.close();
    context.wheel.stop();
  });
  await pull.bind(endpoint);
  const timers = fakeTimers(t, ['setTimeout']);
  const answered = sendReq(endpoint, request(), () => {}, never);
  // With its second attempt the requester has seen why the first one failed.
  await log.until('zmq peer cut off', 2);
  timers.tick(5000);
  await assert.rejects(answered, {
    name: 'CliError',
    message: `no server of req mode at ${endpoint}: the peer refused: a PULL socket cannot talk to REQ`,
  });
});

test('an interruption ends the waiting and the connection', async (t) => {
  const { endpoint, router } = await responder(t);
  let interrupt: (reason: Error) => void = () => {};
  const interrupted = new Promise<never>((_, reject) => {
    interrupt = reject;
  });
  const answered = sendReq(endpoint, request(), () => {}, interrupted);
  await router.receive();
  interrupt(new Error('interrupted'));
  await assert.rejects(answered, /^Error: interrupted$/);
});
