import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { NO_RESPONDER, type RequestHead } from '../../../src/exchange/index.ts';
import type { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { TargetsRig } from './support/targets-rig.ts';

/** What the origin and the client get of a request. */
function outcome(
  t: TestContext,
  head: Partial<RequestHead>,
): { forwarded: RequestHead | null; requester: FakeRequester } {
  let forwarded: RequestHead | null = null;
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request) => {
    forwarded = request;
    return NO_RESPONDER;
  });
  return { requester: rig.send(head), forwarded };
}

function maxForwards(request: RequestHead | null): string | undefined {
  const headers = request?.headers ?? assert.fail('not forwarded');
  return headers[headers.indexOf('Max-Forwards') + 1];
}

for (const method of ['OPTIONS', 'TRACE']) {
  test(`Max-Forwards of ${method} is counted down`, (t) => {
    const { forwarded } = outcome(t, { method, headers: ['Max-Forwards', '3', 'X-A', '3'] });
    assert.equal(maxForwards(forwarded), '2');
  });

  test(`${method} with Max-Forwards: 0 is not forwarded`, (t) => {
    const { forwarded } = outcome(t, { method, headers: ['Max-Forwards', '0'] });
    assert.equal(forwarded, null);
  });

  test(`Max-Forwards of ${method} that is not a number is left alone`, (t) => {
    const { forwarded } = outcome(t, { method, headers: ['Max-Forwards', '-1'] });
    assert.equal(maxForwards(forwarded), '-1');
  });
}

test('Max-Forwards of another method is ignored', (t) => {
  const { forwarded } = outcome(t, { method: 'GET', headers: ['Max-Forwards', '0'] });
  assert.equal(maxForwards(forwarded), '0');
});

test('OPTIONS that ends here gets a response without content', (t) => {
  const { requester } = outcome(t, { method: 'OPTIONS', headers: ['Max-Forwards', '0'] });
  assert.deepEqual([requester.head?.status, requester.body, requester.end], [204, '', 'complete']);
});

test('TRACE that ends here gets the request back, without its credentials', (t) => {
  const headers = ['Host', 'a', 'Cookie', 'a=b', 'authorization', 'Basic x', 'X-A', 'b', 'Max-Forwards', '0'];
  const { requester } = outcome(t, { method: 'TRACE', target: '/a?b', headers });
  assert.deepEqual(requester.head?.headers, ['Content-Type', 'message/http']);
  assert.equal(requester.body, 'TRACE /a?b HTTP/1.1\r\nHost: a\r\nX-A: b\r\nMax-Forwards: 0\r\n\r\n');
});
