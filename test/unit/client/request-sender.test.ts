import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, UNKNOWN_LENGTH, WINDOW } from '../../../src/exchange/index.ts';
import { OK, startOrigin } from '../../support/scripted-origin.ts';
import { Fixture } from './fixture.ts';

test('A request without a body grants no credit and leaves in one write', async (t) => {
  const { origin, accept } = await started(t);
  const requester = new Fixture(t).send(origin);
  const peer = await accept();
  assert.equal(await peer.received(), 'GET / HTTP/1.1\r\nHost: example.com\r\n\r\n');
  peer.write(OK);
  await requester.completed();
  assert.equal(peer.pieces.length, 1);
  assert.deepEqual(requester.grants, []);
});

test('The body is asked for only once the origin is connected', async (t) => {
  const { origin, accept } = await started(t);
  const requester = new Fixture(t).send(origin, { method: 'POST', bodyLength: 5 });
  assert.deepEqual(requester.grants, []);
  await requester.until(() => requester.requestCredit > 0);
  assert.deepEqual(requester.grants, [WINDOW]);
  requester.send('hello', false);
  const peer = await accept();
  assert.equal(await peer.received('hello'), 'POST / HTTP/1.1\r\nHost: example.com\r\nContent-Length: 5\r\n\r\nhello');
  peer.write(OK);
  await requester.completed();
});

for (const [what, bodyLength, sent] of [
  ['of known length', 5, 'Content-Length: 5\r\n\r\nhello'],
  ['of unknown length', UNKNOWN_LENGTH, 'Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n'],
] as const) {
  test(`A small body ${what} leaves in one piece with its head`, async (t) => {
    const { origin, accept } = await started(t);
    const requester = new Fixture(t).send(origin, { method: 'POST', bodyLength });
    // The body comes in the very turn it is asked for.
    requester.onCall = () => {
      requester.onCall = () => {};
      requester.send('hello', false);
    };
    const peer = await accept();
    await peer.received(sent);
    assert.equal(peer.pieces.length, 1);
    peer.write(OK);
    await requester.completed();
  });

  test(`A body ${what} that comes later follows its head, part by part`, async (t) => {
    const { origin, accept } = await started(t);
    const requester = new Fixture(t).send(origin, { method: 'POST', bodyLength });
    const peer = await accept();
    assert.match(await peer.received(), /^POST/);
    requester.send('he', true);
    await peer.received('he');
    requester.send('llo', true);
    requester.send('', false);
    await peer.received(bodyLength === 5 ? 'llo' : '\r\n3\r\nllo\r\n0\r\n\r\n');
    assert.equal(peer.text, '');
    peer.write(OK);
    await requester.completed();
    assert.deepEqual(requester.grants, [WINDOW, 2, 3]);
  });

  test(`A large body ${what} arrives whole, one window at a time`, async (t) => {
    const { origin, accept } = await started(t);
    const size = 3_000_000;
    const data = Buffer.alloc(size, 'abcdefghij');
    const requester = new Fixture(t).send(origin, {
      method: 'PUT',
      bodyLength: bodyLength === UNKNOWN_LENGTH ? UNKNOWN_LENGTH : size,
    });
    const peer = await accept();
    await peer.received();
    peer.socket.pause();
    let sent = 0;
    let pumping = false;
    const pump = () => {
      if (pumping) return;
      pumping = true;
      while (requester.requestCredit > 0 && sent < size) {
        const length = Math.min(requester.requestCredit, 10_000, size - sent);
        const chunk = data.subarray(sent, sent + length);
        sent += length;
        requester.send(chunk, sent < size);
      }
      pumping = false;
    };
    requester.onCall = pump;
    pump();
    peer.socket.resume();
    if (bodyLength === UNKNOWN_LENGTH) {
      const framed = await peer.received('\r\n0\r\n\r\n');
      assert.equal(unchunked(framed), data.toString('latin1'));
    } else {
      await peer.received(data.toString('latin1'));
    }
    assert.equal(peer.text, '');
    peer.write(OK);
    await requester.completed();
  });
}

test('An origin that takes nothing holds the requester back at one window', async (t) => {
  const { origin, accept } = await started(t);
  const requester = new Fixture(t).send(origin, { method: 'PUT', bodyLength: UNKNOWN_LENGTH });
  const peer = await accept();
  await peer.received();
  peer.socket.pause();
  const chunk = Buffer.alloc(16_384);
  // Until the kernel's buffers are full, grants come back; then no more than a window was given ahead.
  let sent = 0;
  for (let idle = 0; idle < 20; ) {
    idle++;
    while (requester.requestCredit >= chunk.length) {
      sent += chunk.length;
      requester.send(chunk, true);
      idle = 0;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
  const granted = requester.grants.reduce((sum, bytes) => sum + bytes, 0);
  assert.equal(granted, sent);
  const before = requester.grants.length;
  peer.socket.resume();
  await requester.until(() => requester.grants.length > before);
  assert.ok(requester.requestCredit <= WINDOW);
  requester.leave(new ExchangeError('HF_CLIENT_GONE'));
});

for (const [what, chunks] of [
  ['longer', ['hello!']],
  ['shorter', ['hell']],
] as const) {
  test(`A body ${what} than announced ends the exchange and its connection as an internal error`, async (t) => {
    const { origin, accept } = await started(t);
    const fixture = new Fixture(t);
    const requester = fixture.send(origin, { method: 'POST', bodyLength: 5 });
    const peer = await accept();
    await peer.received();
    for (const chunk of chunks) requester.send(chunk, false);
    const error = await requester.failed();
    assert.equal(error.code, 'HF_INTERNAL');
    assert.match(error.detail, new RegExp(`${what} than announced`));
    await peer.closed;
    assert.equal(peer.text, '');
    assert.equal(fixture.counters.originErrors, 0);
  });
}

test('Data after the end of the body ends the exchange as an internal error', async (t) => {
  const { origin, accept } = await started(t);
  const requester = new Fixture(t).send(origin, { method: 'POST', bodyLength: UNKNOWN_LENGTH });
  const peer = await accept();
  await peer.received();
  requester.send('a', false);
  requester.send('b', false);
  assert.equal((await requester.failed()).code, 'HF_INTERNAL');
  await peer.closed;
});

test('A request that cannot be written is an internal error and opens no connection', async (t) => {
  const scripted = await startOrigin(t);
  const requester = new Fixture(t).send(scripted.origin, { headers: ['Host', 'a', 'X', 'b\r\nc'] });
  const error = await requester.failed();
  assert.equal(error.code, 'HF_INTERNAL');
  assert.match(error.detail, /127\.0\.0\.1:\d+: request cannot be sent/);
  assert.equal(scripted.accepted, 0);
});

test("A head larger than a socket's buffer is sent, and its response arrives", async (t) => {
  const { origin, accept } = await started(t);
  const requester = new Fixture(t).send(origin, { headers: ['Host', 'a', 'X', 'x'.repeat(100_000)] });
  const peer = await accept();
  assert.equal((await peer.received()).length, 'GET / HTTP/1.1\r\nHost: a\r\nX: \r\n\r\n'.length + 100_000);
  peer.write(OK);
  await requester.completed();
});

async function started(t: Parameters<typeof startOrigin>[0]) {
  const scripted = await startOrigin(t);
  return { origin: scripted.origin, accept: () => scripted.accept() };
}

/** Takes chunk framing off. */
function unchunked(framed: string): string {
  const parts: string[] = [];
  for (let position = 0; ; ) {
    const end = framed.indexOf('\r\n', position);
    const length = Number.parseInt(framed.slice(position, end), 16);
    if (length === 0) return parts.join('');
    parts.push(framed.slice(end + 2, end + 2 + length));
    position = end + 2 + length + 2;
  }
}
