import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_RESPONDER } from '../../../src/exchange/index.ts';
import { EventRequest } from '../../../src/proxy/over-http/event-request.ts';
import { requestHead } from '../../support/exchange/request-head.ts';

for (const [codings, isEvents] of [
  [[], true],
  [['identity'], true],
  [['gzip'], false],
  [['identity', 'gzip'], false],
] as const) {
  test(`A response with the content codings ${JSON.stringify(codings)} has ${isEvents ? '' : 'no '}events`, () => {
    const told: string[] = [];
    const owner = {
      onEvents: () => told.push('events'),
      onOtherResponse: () => {
        told.push('other response');
        return null;
      },
      onRequestFailed: assert.fail,
    };
    const request = new EventRequest(owner, Buffer.alloc(0));
    request.start(() => NO_RESPONDER, requestHead());
    const fields = codings.flatMap((coding) => ['Content-Encoding', coding]);
    const headers = ['Content-Type', 'application/websocket-events', ...fields];
    request.onResponse({ status: 200, reason: '', headers, bodyLength: 0 });
    request.onResponseData(Buffer.alloc(0), false);
    assert.deepEqual(told, [isEvents ? 'events' : 'other response']);
  });
}
