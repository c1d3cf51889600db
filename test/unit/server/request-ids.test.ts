import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isRequestId, requestIdOf } from '../../../src/server/request-ids.ts';
import { startServer } from '../../support/running-server.ts';

const GET = (fields = '') => `GET / HTTP/1.1\r\nHost: h\r\n${fields}\r\n`;
const ids = (mode: 'accept' | 'make' | 'off', returned = false) => ({
  requestIds: { current: { mode, returned, prefix: 'p' } },
});

test('A proper id of the client is accepted, and its list of fields stays the same object', () => {
  const headers = ['Host', 'h', 'x-request-id', 'abc-1'];
  const { requestId, headers: kept, ownFields } = requestIdOf(headers, 'accept', 'made');
  assert.equal(requestId, 'abc-1');
  assert.equal(kept, headers);
  assert.deepEqual(ownFields, []);
});

test('An id that was made stands apart from the fields, so that equal requests keep their list', () => {
  const headers = ['Host', 'h'];
  const { requestId, headers: kept, ownFields } = requestIdOf(headers, 'accept', 'made');
  assert.equal(requestId, 'made');
  assert.equal(kept, headers);
  assert.deepEqual(ownFields, ['X-Request-Id', 'made']);
});

const refused = {
  'a space': 'a b',
  quotes: '"a"',
  empty: '',
  'a control character': 'a\tb',
  'a long id': 'x'.repeat(129),
};
for (const [what, value] of Object.entries(refused)) {
  test(`An id with ${what} is replaced`, () => {
    assert.equal(isRequestId(value), false);
    const { requestId, headers } = requestIdOf(['X-Request-ID', value, 'A', 'b'], 'accept', 'made');
    assert.equal(requestId, 'made');
    assert.deepEqual(headers, ['A', 'b']);
  });
}

test('An id of 128 characters is accepted, and of two ids neither is', () => {
  const longest = 'x'.repeat(128);
  assert.equal(requestIdOf(['X-Request-Id', longest], 'accept', 'made').requestId, longest);
  const two = requestIdOf(['X-Request-Id', 'a', 'x-request-id', 'b', 'C', 'd'], 'accept', 'made');
  assert.deepEqual([two.requestId, two.headers], ['made', ['C', 'd']]);
});

test('The service gets the id, and the client gets it back where that is wanted, unless the response has one', async (t) => {
  const running = await startServer(t, ids('accept', true));
  const client = await running.connect();
  client.write(GET());
  const first = await running.next();
  const made = first.request.requestId as string;
  assert.equal(made, `p-${first.request.id}`);
  assert.deepEqual(first.request.ownFields, ['X-Request-Id', made]);
  first.respond('a');
  assert.equal((await client.takeResponse()).headers.get('x-request-id'), made);
  client.write(GET('X-Request-Id: mine\r\n'));
  const second = await running.next();
  assert.equal(second.request.requestId, 'mine');
  second.head({ status: 200, reason: '', headers: ['X-Request-ID', 'of the origin'], bodyLength: 0 });
  second.send('', false);
  assert.equal((await client.takeResponse()).headers.get('x-request-id'), 'of the origin');
});

test('With "make" the id of the client does not count, and with "off" it is a field like any other', async (t) => {
  for (const [mode, expected] of [
    ['make', 'p-1-1'],
    ['off', ''],
  ] as const) {
    const running = await startServer(t, ids(mode));
    const client = await running.connect();
    client.write(GET('X-Request-Id: mine\r\n'));
    const exchange = await running.next();
    assert.equal(exchange.request.requestId, expected);
    assert.equal(exchange.request.headers.includes('mine'), mode === 'off');
    exchange.respond('a');
    assert.equal((await client.takeResponse()).headers.get('x-request-id'), undefined);
  }
});
