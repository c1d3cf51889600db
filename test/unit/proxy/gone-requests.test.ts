import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError } from '../../../src/exchange/index.ts';
import { MAX_GONE_REQUESTS } from '../../../src/proxy/proxied-link.ts';
import { TargetsRig } from './support/targets-rig.ts';

const GONE = new ExchangeError('HF_CLIENT_GONE', 'the client has left');

test('Of very many clients that leave at once some are not told of', (t) => {
  let posts = 0;
  const rig = new TargetsRig(t, ['* origin:80'], (_target, { method }, requester) => {
    if (method === 'POST') posts++;
    else {
      const headers = ['Grip-Hold', 'stream', 'Grip-Channel', 'a', 'Grip-Link', '</gone>; rel=gone'];
      requester.onResponse({ status: 200, reason: '', headers, bodyLength: 0 });
      requester.onResponseData(Buffer.alloc(0), false);
    }
    return { onRequestData: () => {}, onRequestError: () => {}, onResponseCredit: () => {} };
  });
  for (let i = 0; i < MAX_GONE_REQUESTS + 15; i++) rig.send().responder?.onRequestError(GONE);
  assert.equal(posts, MAX_GONE_REQUESTS);
  assert.equal(rig.counters.goneLinksDropped, 15);
  const lines = rig.log.with('too many gone links under way: link dropped').filter(({ level }) => level !== 'debug');
  assert.deepEqual(
    lines.map(({ level, fields }) => [level, fields.uri, fields.dropped]),
    Array.from({ length: 10 }, (_, i) => ['warn', 'http://example.com/gone', i + 1]),
  );
  assert.equal(rig.counters.holdsOpen, 0);
});
