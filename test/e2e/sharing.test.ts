import assert from 'node:assert/strict';
import type { ServerResponse } from 'node:http';
import { test } from 'node:test';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';

test('with share_all equal requests are one for the origin, and those of other users are not', async (t) => {
  const asked: { user: string; response: ServerResponse }[] = [];
  let began = (): void => {};
  const two = new Promise<void>((resolve) => {
    began = resolve;
  });
  const origin = await startOrigin(t, (request, response) => {
    if (asked.push({ user: String(request.headers.authorization), response }) === 2) began();
  });
  const { clients, controlUrl } = await runServer(t, ['--route', `* ${origin}`], '[proxy]\nshare_all = true\n');
  const get = (user: string) => fetch(`http://${clients[0]}/a`, { headers: { Authorization: user } });
  const responses = ['one', 'one', 'two', 'two', 'one'].map(get);
  await two;
  for (;;) {
    const metrics = await (await fetch(`${controlUrl}/metrics`)).text();
    if (/^holdfast_proxy_requests_shared_total 3$/m.test(metrics)) break;
  }
  for (const { user, response } of asked) response.end(`for ${user}`);
  const bodies = await Promise.all(responses.map(async (response) => (await response).text()));
  assert.deepEqual(bodies, ['for one', 'for one', 'for two', 'for two', 'for one']);
  assert.equal(asked.length, 2);
});
