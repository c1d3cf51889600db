import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { startRawOrigin } from '../../support/raw-origin.ts';
import { accepting, ask, hopTo, keyOf, portOf } from './websocket-fixture.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE');
const FOUND = 'HTTP/1.1 302 Found\r\nX-Old: stale\r\nContent-Length: 5\r\nLocation: /there\r\n\r\nmoved';

test('a redirect is followed on a new connection with a new key, and the requester does not see it', async (t) => {
  const target = await startRawOrigin(t);
  const asked: [number, string][] = [];
  const { fixture, head, peer, requester } = await ask(
    t,
    {},
    {
      redirected: (status, location) => {
        asked.push([status, location]);
        return hopTo(portOf(target), { authority: 'other.example', target: '/there', headers: ['X', 'y'] });
      },
    },
  );
  peer.write(FOUND);
  const next = await target.accept();
  const nextHead = await next.take();
  assert.deepEqual(asked, [[302, '/there']]);
  await peer.ended;
  assert.match(nextHead, /^GET \/there HTTP\/1\.1\r\nHost: other\.example\r\nX: y\r\n/);
  assert.notEqual(keyOf(nextHead), keyOf(head));
  next.write(`${accepting(nextHead)}\r\n`);
  await requester.until(() => requester.open);
  assert.ok(!requester.head?.headers.includes('X-Old') && !requester.head?.headers.includes('Location'));
  assert.deepEqual([fixture.counters.originRequests, fixture.counters.originErrors], [2, 0]);
});

test('the response of an earlier hop does not accept a later one', async (t) => {
  const target = await startRawOrigin(t);
  const { head, peer, requester } = await ask(t, {}, { redirected: () => hopTo(portOf(target)) });
  peer.write(FOUND);
  const next = await target.accept();
  await next.take();
  next.write(`${accepting(head)}\r\n`);
  assert.equal((await requester.failed()).code, 'HF_ORIGIN_WEBSOCKET');
});

test('a redirect that is not followed is the response', async (t) => {
  for (const [head, followed] of [
    [FOUND, false],
    // No redirect without a Location, and none with another status.
    ['HTTP/1.1 302 Found\r\nContent-Length: 5\r\n\r\nmoved', true],
    ['HTTP/1.1 201 Created\r\nLocation: /x\r\nContent-Length: 5\r\n\r\nmoved', true],
  ] as const) {
    const { peer, requester } = await ask(t, {}, { redirected: () => (followed ? assert.fail('asked') : null) });
    peer.write(head);
    await requester.until(() => requester.refused);
    assert.equal(requester.body, 'moved');
  }
});

test('a redirect that must not be followed fails', async (t) => {
  const error = new ExchangeError('HF_POLICY_VIOLATION', 'denied');
  const { fixture, peer, requester } = await ask(
    t,
    {},
    {
      redirected: () => {
        throw error;
      },
    },
  );
  peer.write(FOUND);
  assert.equal(await requester.failed(), error);
  await peer.ended;
  assert.equal(fixture.counters.originErrors, 0);
});

test('a chain of redirects ends where the last hop ends', async (t) => {
  const target = await startRawOrigin(t);
  const port = portOf(target);
  const hop = (left: number): ReturnType<typeof hopTo> =>
    hopTo(port, { target: `/${left}`, redirected: () => (left === 0 ? null : hop(left - 1)) });
  const paths: string[] = [];
  target.respondAll((head) => {
    paths.push(head.split(' ')[1] ?? '');
    return FOUND;
  });
  const { peer, requester } = await ask(t, {}, { redirected: () => hop(3) });
  peer.write(FOUND);
  await requester.until(() => requester.refused);
  assert.deepEqual(paths, ['/3', '/2', '/1', '/0']);
  assert.equal(requester.head?.status, 302);
});

test('a requester may leave or grant between two hops', async (t) => {
  const target = await startRawOrigin(t);
  const { peer, requester } = await ask(t, {}, { redirected: () => hopTo(portOf(target)) }, 3);
  peer.write(FOUND);
  const next = await target.accept();
  await next.take();
  requester.grant(2);
  next.write('HTTP/1.1 403 X\r\nContent-Length: 10\r\n\r\n0123456789');
  await requester.until(() => requester.body === '01234');
  requester.leave(GONE);
  await next.ended;
});

test('bytes of an earlier hop do not count against a later one', async (t) => {
  const target = await startRawOrigin(t);
  const { peer, requester } = await ask(t, {}, { redirected: () => hopTo(portOf(target)) });
  const interims = 'HTTP/1.1 102 Processing\r\n\r\n'.repeat(15);
  peer.write(interims + FOUND);
  const next = await target.accept();
  next.write(`${interims}${accepting(await next.take())}\r\n`);
  await requester.until(() => requester.open);
});

test('a later hop that does not respond fails as the first one does', async (t) => {
  const target = await startRawOrigin(t);
  const { peer, requester } = await ask(t, {}, { redirected: () => hopTo(portOf(target)) });
  peer.write(FOUND);
  const next = await target.accept();
  await next.take();
  next.end();
  const error = await requester.failed();
  assert.equal(error.code, 'HF_ORIGIN_CLOSED');
  assert.equal(error.detail, `127.0.0.1:${portOf(target)}: connection closed before the response`);
});
