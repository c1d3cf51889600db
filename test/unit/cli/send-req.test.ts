import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Router } from 'zeromq';
import { sendReq } from '../../../src/cli/send-req.ts';
import {
  encodeResponsePacket,
  parseRequestPacket,
  RequestPacket,
  ResponsePacket,
} from '../../../src/codec/zhttp/index.ts';
import { fakeTimers } from '../../support/fake-timers.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

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
  const answered = sendReq(endpoint, request(), (direction, text) => trace.push(direction + text.slice(0, 5)));
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
  const answered = sendReq(endpoint, request(), () => {});
  const [peer = '', delimiter = ''] = await router.receive();
  const failed = assert.rejects(answered, { name: 'CliError', message: /^malformed response: / });
  await router.send([peer, delimiter, 'T5:abc']);
  await failed;
});

test('a responder that leaves before its response is an error', async (t) => {
  const { endpoint, router } = await responder(t);
  const answered = sendReq(endpoint, request(), () => {});
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
  const answered = sendReq(endpoint, request(), () => {});
  timers.tick(5000);
  await assert.rejects(answered, { name: 'CliError', message: `no server at ${endpoint}` });
});
