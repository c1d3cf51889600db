import assert from 'node:assert/strict';
import { test } from 'node:test';
import { operation } from '../../../src/control/operation.ts';
import { OperationTable } from '../../../src/control/operation-table.ts';
import { statusSchema } from '../../../src/control/status-schema.ts';
import { basic, ControlEndpoint, rulesWith } from '../../support/control/control-endpoint.ts';
import { sampleStatus } from '../../support/control/sample-status.ts';

test('health and readiness are open to everybody, whatever the Host', async () => {
  let life: 'starting' | 'ready' | 'draining' | 'upgrading' = 'starting';
  const endpoint = new ControlEndpoint({ life: () => life }, rulesWith({ 'ann:pw': new Set(['admin']) }));
  assert.deepEqual((await endpoint.tcp('GET', '/healthz')).json, { status: 'ok' });
  const starting = await endpoint.tcp('GET', '/readyz');
  assert.deepEqual([starting.status, starting.json], [503, { status: 'starting', reason: 'the server is starting' }]);
  life = 'draining';
  assert.equal((await endpoint.tcp('GET', '/readyz')).json.status, 'draining');
  for (life of ['ready', 'upgrading'] as const) {
    assert.deepEqual((await endpoint.tcp('GET', '/readyz')).json, { status: 'ready' });
  }
  const { requester } = endpoint.begin({
    target: '/healthz',
    authority: 'probe.example',
    peer: { address: '192.0.2.1', port: 1 },
  });
  assert.equal((await requester.completed()).status, 200);
});

test('a server that keeps history in memory only, because of its disk, is ready and says so', async () => {
  const degraded = 'items are not written to /var/lib/history: no space left on device';
  const endpoint = new ControlEndpoint({ degraded: () => degraded });
  const { status, json } = await endpoint.tcp('GET', '/readyz');
  assert.deepEqual([status, json], [200, { status: 'ready', degraded }]);
});

test('the status is for those with the role read, and for the unix socket', async () => {
  const users = { 'ann:pw': new Set(['read'] as const), 'pub:pw': new Set(['publish'] as const) };
  const endpoint = new ControlEndpoint({}, rulesWith(users));
  assert.equal((await endpoint.tcp('GET', '/status')).status, 401);
  assert.equal((await endpoint.tcp('GET', '/status', basic('ann:no'))).status, 401);
  const refused = await endpoint.tcp('GET', '/status', basic('pub:pw'));
  assert.deepEqual([refused.status, refused.json.error.code], [403, 'HF_CONTROL_ROLE']);
  assert.match(refused.json.error.message, /role read/);
  const status = await endpoint.tcp('GET', '/status', basic('ann:pw'));
  assert.deepEqual([status.status, status.json], [200, sampleStatus()]);
  assert.deepEqual((await endpoint.unix('GET', '/status')).json, sampleStatus());
  assert.ok(statusSchema.safeParse(sampleStatus()).success);
});

test('without credentials in the configuration nobody on the network gets more than publishing and counters', async () => {
  const endpoint = new ControlEndpoint();
  const refused = await endpoint.tcp('GET', '/status');
  assert.deepEqual([refused.status, refused.json.error.code], [401, 'HF_CONTROL_CREDENTIALS']);
  assert.equal((await endpoint.tcp('GET', '/events')).status, 401);
  assert.equal((await endpoint.tcp('GET', '/status', basic('any:thing'))).status, 401);
});

test('another method gets a 405 with Allow, and another path what the publish endpoint says', async () => {
  const endpoint = new ControlEndpoint();
  const { status, headers, json } = await endpoint.unix('DELETE', '/status');
  assert.deepEqual([status, json.error.code], [405, 'HF_CONTROL_METHOD']);
  assert.equal(headers[headers.indexOf('Allow') + 1], 'GET, HEAD');
  for (const path of ['/status/', '//status', '/./status', '/%73tatus', '/x/../status', '/status%2f', '/STATUS']) {
    assert.equal((await endpoint.unix('GET', path)).status, 404, path);
  }
});

test('parts in braces are decoded, and nothing else is', () => {
  const at = (path: string) =>
    operation({
      ...{ id: path, method: 'GET', path, access: 'read', tag: 't', summary: 's', responses: {} },
      handle: () => ({ status: 204 }),
    });
  const table = new OperationTable([at('/things'), at('/things/{name}'), at('/things/{name}/parts')]);
  assert.deepEqual(table.find('/things/a%2Fb%20c')?.params, { name: 'a/b c' });
  assert.deepEqual(table.find('/things/..')?.params, { name: '..' });
  assert.deepEqual(table.find('/things/%C3%A4/parts')?.params, { name: 'ä' });
  for (const path of ['/things/', '/things/%', '/things/%ff', '/things/a/b', '/things//parts', '/thing%73/a']) {
    assert.equal(table.find(path), null, path);
  }
  assert.throws(() => new OperationTable([at('/a'), at('/a')]), /defined twice/);
});
