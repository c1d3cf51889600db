import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { MAX_REPLAY } from '../../../src/fetch/replayed-body.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import type { SentRequest } from '../client/scripted-client.ts';
import { FetchRig, follow } from './fetch-rig.ts';

test('A request that lost its body is redirected as any other', async (t) => {
  for (const body of ['hello', '']) {
    const rig = new FetchRig(t);
    const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
    rig.sent.grant(10);
    requester.send(body, false);
    rig.sent.respond(303, ['Location', '/e']);
    const second = rig.sent;
    assert.equal(second.head.bodyLength, 0);
    second.respond(302, ['Location', '/f'], 'moved');
    assert.equal(second.left, null);
    assert.equal(second.body, '');
    rig.sent.respond(200, [], 'ok');
    await requester.completed();
  }
});

test('Credits that are granted during a redirect count for the next hop', (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => sent.grant(5);
  const requester = follow(rig, { method: 'PUT', bodyLength: 20, credits: 10 });
  requester.send('hello', true);
  requester.onCall = () => requester.grant(7);
  rig.client.onSend = (sent) => sent.grant(15);
  rig.sent.start(307, ['Location', '/e']);
  assert.equal(rig.sent.head.credits, 10);
  assert.equal(rig.sent.credits, 17);
});

test('A body passes as it is granted without a redirect', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  assert.deepEqual(requester.grants, []);
  rig.sent.grant(4);
  requester.send('ab', true);
  requester.send('cd', true);
  assert.deepEqual(rig.sent.chunks.map(String), ['ab', 'cd']);
  rig.sent.grant(10);
  requester.send('ef', false);
  assert.equal(rig.sent.body, 'abcdef');
  assert.ok(rig.sent.complete);
  assert.deepEqual(requester.grants, [4, 10]);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('A body is sent again from its beginning as the next hop grants it', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  rig.sent.grant(100);
  for (const piece of ['ab', 'cde', 'f']) requester.send(piece, true);
  requester.send('', false);
  rig.sent.respond(307, ['Location', '/e']);
  assert.equal(rig.sent.head.bodyLength, UNKNOWN_LENGTH);
  rig.sent.grant(4);
  assert.deepEqual(rig.sent.chunks.map(String), ['abcd']);
  rig.sent.grant(1);
  assert.ok(!rig.sent.complete);
  rig.sent.grant(100);
  assert.equal(rig.sent.body, 'abcdef');
  assert.ok(rig.sent.complete);
  assert.deepEqual(requester.grants, [100]);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('An incomplete body continues at the next hop', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 9 });
  const first = rig.sent;
  first.grant(5);
  requester.send('abc', true);
  first.start(307, ['Location', '/e'], 5);
  // It may wait for the rest before it ends its answer.
  assert.notEqual(first.left, null);
  requester.send('d', true);
  assert.equal(rig.sent.head.bodyLength, 9);
  rig.sent.grant(2);
  assert.equal(rig.sent.body, 'ab');
  requester.send('e', true);
  assert.equal(rig.sent.body, 'ab');
  assert.deepEqual(requester.grants, [5]);
  rig.sent.grant(5);
  assert.equal(rig.sent.body, 'abcde');
  // Only what the requester has not been granted before.
  assert.deepEqual(requester.grants, [5, 2]);
  requester.send('fg', true);
  rig.sent.grant(10);
  requester.send('hi', false);
  assert.equal(rig.sent.body, 'abcdefghi');
  assert.ok(rig.sent.complete);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('A hop may grant before its responder is known', async (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => sent.grant(WINDOW);
  const requester = follow(rig, { method: 'POST', bodyLength: 5 });
  requester.send('abc', true);
  rig.sent.start(308, ['Location', '/e']);
  assert.equal(rig.sent.body, 'abc');
  requester.send('de', false);
  assert.equal(rig.sent.body, 'abcde');
  assert.deepEqual(requester.grants, [WINDOW]);
});

test('A hop may respond within the last piece of the body', async (t) => {
  const rig = new FetchRig(t);
  rig.client.onSend = (sent) => {
    sent.grant(WINDOW);
    sent.onComplete = () => {
      if (rig.client.count < 3) sent.respond(307, ['Location', '/e']);
      else sent.respond(200, [], sent.body);
    };
  };
  const requester = follow(rig, { method: 'POST', bodyLength: 5 });
  requester.send('hello', false);
  await requester.completed();
  assert.equal(rig.client.count, 3);
  assert.equal(requester.body, 'hello');
});

test('The rest of a body that is no longer sent is discarded', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 9 });
  rig.sent.grant(5);
  requester.send('abc', true);
  const first = rig.sent;
  first.start(303, ['Location', '/e']);
  assert.notEqual(first.left, null);
  requester.send('de', true);
  assert.equal(rig.sent.body, '');
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
  assert.deepEqual(requester.grants, [5]);
});

/** Sends a body of `size` bytes in pieces. */
function sendBody(rig: FetchRig, requester: FakeRequester, size: number): void {
  for (let left = size; left > 0; ) {
    const piece = Math.min(left, 50_000);
    left -= piece;
    rig.sent.grant(piece);
    requester.send(Buffer.alloc(piece, left % 251), left > 0);
  }
}

for (const bodyLength of [MAX_REPLAY, UNKNOWN_LENGTH]) {
  test(`A body of a million bytes is sent again, when its length is ${bodyLength === UNKNOWN_LENGTH ? 'not ' : ''}known`, async (t) => {
    const rig = new FetchRig(t);
    const requester = follow(rig, { method: 'POST', bodyLength });
    sendBody(rig, requester, MAX_REPLAY);
    const first = rig.sent;
    first.respond(307, ['Location', '/e']);
    for (let i = 0; i < 20; i++) rig.sent.grant(50_000);
    assert.ok(Buffer.concat(rig.sent.chunks).equals(Buffer.concat(first.chunks)));
    rig.sent.respond(200, [], 'ok');
    await requester.completed();
  });
}

for (const bodyLength of [MAX_REPLAY + 1, UNKNOWN_LENGTH]) {
  test(`A larger body is not sent again, when its length is ${bodyLength === UNKNOWN_LENGTH ? 'not ' : ''}known`, async (t) => {
    for (const [status, fails] of [
      [307, true],
      [302, false],
      [200, false],
    ] as const) {
      const rig = new FetchRig(t);
      const requester = follow(rig, { method: 'POST', bodyLength });
      sendBody(rig, requester, MAX_REPLAY + 1);
      const first = rig.sent;
      assert.ok(first.complete);
      first.start(status, ['Location', '/e'], 2);
      if (fails) {
        const error = await requester.failed();
        assert.equal(error.code, 'HF_ORIGIN_PROTOCOL');
        assert.match(error.detail, /^a\.example: redirect of a request whose body is too large to send again$/);
        assert.notEqual(first.left, null);
        continue;
      }
      first.data('ok', false);
      if (status === 302) rig.sent.respond(200, [], 'ok');
      await requester.completed();
    }
  });
}

test('All kept bodies share 64 MB, and one that does not fit is sent only once', async (t) => {
  const rig = new FetchRig(t);
  const post = (): { requester: FakeRequester; sent: SentRequest } => {
    const requester = follow(rig, { method: 'POST', bodyLength: MAX_REPLAY });
    const { sent } = rig;
    sent.grant(MAX_REPLAY);
    requester.send(Buffer.alloc(MAX_REPLAY), false);
    return { requester, sent };
  };
  const kept = Array.from({ length: 67 }, post);
  const surplus = post();
  surplus.sent.respond(307, ['Location', '/e']);
  assert.equal((await surplus.requester.failed()).code, 'HF_ORIGIN_PROTOCOL');
  // An end frees what was kept: in whichever way it comes.
  kept[0]?.sent.respond(200, [], 'ok');
  kept[1]?.requester.leave(new ExchangeError('HF_CLIENT_GONE'));
  kept[2]?.sent.respond(303, ['Location', '/e']);
  for (const { requester, sent } of [post(), post(), post()]) {
    sent.respond(307, ['Location', '/e']);
    rig.sent.grant(MAX_REPLAY);
    rig.sent.respond(200, [], 'ok');
    await requester.completed();
  }
});

test('A large body can be redirected while little of it has come', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'PUT', bodyLength: 2 * MAX_REPLAY });
  rig.sent.grant(3);
  requester.send('abc', true);
  rig.sent.start(307, ['Location', '/e']);
  rig.sent.grant(2 * MAX_REPLAY);
  assert.equal(rig.sent.body, 'abc');
  requester.send(Buffer.alloc(2 * MAX_REPLAY - 3), false);
  assert.ok(rig.sent.complete);
  rig.sent.respond(200, [], 'ok');
  await requester.completed();
});

test('A body that grows over a million bytes at the next hop passes, and cannot be redirected again', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  rig.sent.grant(MAX_REPLAY + 10);
  requester.send(Buffer.alloc(MAX_REPLAY, 'a'), true);
  rig.sent.start(307, ['Location', '/e']);
  requester.send('b', true);
  rig.sent.grant(MAX_REPLAY);
  requester.send('c', true);
  rig.sent.grant(100);
  requester.send('d', false);
  assert.equal(
    Buffer.concat(rig.sent.chunks)
      .subarray(MAX_REPLAY - 1)
      .toString(),
    'abcd',
  );
  assert.ok(rig.sent.complete);
  rig.sent.start(307, ['Location', '/f']);
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_PROTOCOL');
});

test('A response before the end of the body lets the rest of it pass', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 6 });
  rig.sent.grant(6);
  requester.send('abc', true);
  rig.sent.start(200);
  requester.send('def', false);
  assert.equal(rig.sent.body, 'abcdef');
  rig.sent.data('ok', false);
  await requester.completed();
});

test('A response before the body was sent again lets the rest of it pass', async (t) => {
  const rig = new FetchRig(t);
  const requester = follow(rig, { method: 'POST', bodyLength: 6 });
  rig.sent.grant(6);
  requester.send('abcdef', false);
  rig.sent.respond(307, ['Location', '/e']);
  rig.sent.grant(2);
  rig.sent.start(200);
  rig.sent.grant(2);
  rig.sent.grant(2);
  assert.equal(rig.sent.body, 'abcdef');
  rig.sent.data('ok', false);
  await requester.completed();
});

test('A body with a length has it at every hop', async (t) => {
  const rig = new FetchRig(t);
  const fields = { method: 'POST', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Length', '5'] };
  const requester = follow(rig, fields);
  rig.sent.grant(10);
  requester.send('hello', false);
  rig.sent.respond(307, ['Location', '/e']);
  assert.equal(rig.sent.head.bodyLength, 5);
  rig.sent.grant(10);
  assert.equal(rig.sent.body, 'hello');
});
