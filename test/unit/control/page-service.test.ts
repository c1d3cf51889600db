import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ControlEndpoint, rulesWith } from '../../support/control/control-endpoint.ts';

test('pages are open, and may load nothing from elsewhere', async () => {
  const endpoint = new ControlEndpoint({}, rulesWith({ 'ann:pw': new Set(['admin']) }));
  const { status, headers, text } = await endpoint.tcp('GET', '/dashboard/');
  assert.deepEqual([status, text], [200, 'a page\n']);
  const policy = headers[headers.indexOf('Content-Security-Policy') + 1] ?? '';
  assert.match(policy, /^default-src 'none'; script-src 'self'; style-src 'self';/);
  assert.match(policy, /frame-ancestors 'none'/);
  assert.equal(headers[headers.indexOf('Cache-Control') + 1], 'no-cache');
  const asset = await endpoint.tcp('GET', '/dashboard/assets/index-abc.js');
  assert.match(asset.headers[asset.headers.indexOf('Cache-Control') + 1] ?? '', /immutable/);
});

test('/dashboard leads to /dashboard/', async () => {
  const { status, headers } = await new ControlEndpoint().tcp('GET', '/dashboard');
  assert.deepEqual([status, headers[headers.indexOf('Location') + 1]], [308, '/dashboard/']);
});
