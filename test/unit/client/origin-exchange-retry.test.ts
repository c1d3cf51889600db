import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WINDOW } from '../../../src/exchange/index.ts';
import { OK } from '../../support/scripted-origin.ts';
import { assertFails, runningAgain } from './running.ts';

for (const method of ['GET', 'HEAD', 'OPTIONS', 'TRACE', 'PUT', 'DELETE']) {
  test(`${method} on a connection that is closed at that moment is sent again, once`, async (t) => {
    const { scripted, fixture, requester, peer } = await runningAgain(t, { method });
    peer.end();
    const second = await scripted.accept();
    assert.match(await second.received(), new RegExp(`^${method} / HTTP/1.1\r\n`));
    second.write('HTTP/1.1 204 No Content\r\n\r\n');
    await requester.completed();
    assert.equal(fixture.counters.originRetries, 1);
    assert.equal(fixture.counters.originRequests, 2);
    assert.equal(fixture.counters.originErrors, 0);
  });
}

test('A reset is a stale connection too', async (t) => {
  const { scripted, requester, peer } = await runningAgain(t);
  peer.reset();
  const second = await scripted.accept();
  await second.received();
  second.write(OK);
  await requester.completed();
});

test('A retry that fails is not retried', async (t) => {
  const run = await runningAgain(t);
  run.peer.end();
  const second = await run.scripted.accept();
  await second.received();
  second.end();
  await assertFails(run, 'HF_ORIGIN_CLOSED', /connection closed before the response$/);
  assert.equal(run.fixture.counters.originRetries, 1);
});

test('POST on a connection that is closed at that moment is not sent again', async (t) => {
  const run = await runningAgain(t, { method: 'POST' });
  run.peer.end();
  await assertFails(run, 'HF_ORIGIN_CLOSED', /connection closed before the response$/);
  assert.equal(run.scripted.accepted, 1);
});

test('A request whose response has begun is not sent again', async (t) => {
  const run = await runningAgain(t);
  run.peer.end('HTTP/1.1 100 Continue\r\n\r\n');
  await assertFails(run, 'HF_ORIGIN_CLOSED', /in the head of the response$/);
  assert.equal(run.scripted.accepted, 1);
});

test('A request whose body was taken in part is not sent again', async (t) => {
  const run = await runningAgain(t, { method: 'PUT', bodyLength: 4 });
  run.requester.send('ab', true);
  await run.peer.received('ab');
  run.peer.end();
  await assertFails(run, 'HF_ORIGIN_CLOSED', /connection closed before the response$/);
  assert.equal(run.scripted.accepted, 1);
});

test('A request whose body was not taken is sent again with its body', async (t) => {
  const { scripted, requester, peer } = await runningAgain(t, { method: 'PUT', bodyLength: 4 });
  peer.end();
  const second = await scripted.accept();
  assert.match(await second.received(), /^PUT/);
  requester.send('abcd', false);
  await second.received('abcd');
  second.write(OK);
  await requester.completed();
  // What it had been granted on the first connection still holds.
  assert.deepEqual(requester.grants, [WINDOW]);
});

test('Body that comes while the new connection is opened is sent with the head', async (t) => {
  const { scripted, fixture, requester, peer } = await runningAgain(t, { method: 'PUT', bodyLength: 4 });
  const { counters } = fixture;
  Object.defineProperty(counters, 'originRetries', {
    get: () => 0,
    set: () =>
      queueMicrotask(() => {
        requester.send('ab', true);
        requester.send('cd', false);
      }),
  });
  peer.end();
  const second = await scripted.accept();
  await second.received('\r\n\r\nabcd');
  second.write(OK);
  await requester.completed();
  assert.deepEqual(requester.grants, [WINDOW, 2]);
});
