import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fault } from '../../../src/clock/index.ts';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { Endpoint } from './support.ts';

const BODY = JSON.stringify({ items: [{ channel: 'c', formats: { 'http-stream': { content: 'x' } } }] });

/** A publish request that is complete and waits for its turn. */
function waiting(endpoint: Endpoint) {
  endpoint.publisher.busy = true;
  const headers = ['Content-Length', String(BODY.length)];
  const begun = endpoint.begin({ method: 'POST', target: '/publish', headers, bodyLength: BODY.length });
  begun.responder.onRequestData(Buffer.from(BODY), false);
  return begun;
}

test('a publisher gets its response only when its items are accepted', () => {
  const endpoint = new Endpoint();
  const { requester } = waiting(endpoint);
  assert.equal(requester.head, null);
  assert.deepEqual(endpoint.publisher.calls, []);
  const [publication] = endpoint.publisher.waiting;
  assert.equal(publication?.bytes, BODY.length);
  publication?.onTurn();
  assert.equal(requester.body, 'Published\n');
  assert.equal(endpoint.publisher.calls.length, 1);
});

test('a publisher that leaves before its turn publishes nothing', () => {
  const endpoint = new Endpoint();
  const { responder } = waiting(endpoint);
  const [publication] = endpoint.publisher.waiting;
  responder.onRequestError(new ExchangeError('HF_CLIENT_GONE'));
  assert.equal(endpoint.publisher.waiting.length, 0);
  publication?.onTurn();
  assert.deepEqual(endpoint.publisher.calls, []);
});

test('a turn that throws ends its own request with HF_INTERNAL', async () => {
  const endpoint = new Endpoint();
  const { requester } = waiting(endpoint);
  const other = waiting(endpoint).requester;
  const { publisher, counters } = endpoint;
  const { publish } = publisher;
  publisher.publish = () => {
    throw new Error('thrown by the test');
  };
  const [first, second] = publisher.waiting;
  try {
    first?.onTurn();
  } catch (thrown) {
    fault(first as NonNullable<typeof first>, thrown);
  }
  assert.equal((await requester.failed()).code, 'HF_INTERNAL');
  assert.equal(counters.faults, 1);
  publisher.publish = publish;
  second?.onTurn();
  assert.equal(other.body, 'Published\n');
});
