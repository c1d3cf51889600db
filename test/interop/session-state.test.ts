import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { LibzmqPeer } from '../support/zmq/libzmq-peer.ts';
import { StateService } from '../support/zmq/state-service.ts';

const SCRIPT = fileURLToPath(new URL('../support/zmq/libzmq-peer.py', import.meta.url));

test('sessions live in a state service: rules, ids, and the last ids of items', async (t) => {
  if (requirePeer(t, 'python3-zmq') === null) return;
  const [port] = await freePorts(1);
  const seen: { sid: string; last: string; body: string }[] = [];
  const origin = await startOrigin(t, async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const { 'grip-session-id': sid = '', 'grip-last': last = '' } = request.headers;
    seen.push({ sid: String(sid), last: String(last), body });
    if (request.url === '/connect') {
      const detect = 'path-prefix=/poll; sid-ptr=/client/id';
      response.writeHead(200, {
        'Grip-Session-Id': 's1',
        'Grip-Session-Detect': detect,
        'Grip-Last': 'a; last-id=1',
        'Grip-Channel': 'a',
      });
      response.end('connected');
    } else {
      response.writeHead(200, { 'Grip-Session-Id': 's1', 'Grip-Hold': 'response', 'Grip-Channel': 'a' }).end('timeout');
    }
  });
  const toml = `[publish]\nstate = ["tcp://127.0.0.1:${port}"]\n`;
  const { clients, controlUrl, program } = await runServer(
    t,
    ['--route', `*,session,prefix=p- ${origin}`, '--log-level', 'debug'],
    toml,
  );
  const peer = new LibzmqPeer(['/usr/bin/python3', SCRIPT]);
  t.after(() => peer.stop());
  const socket = await peer.open('REP', { connect: `tcp://127.0.0.1:${port}` });
  const service = new StateService();
  void (async () => {
    for (;;) await socket.send([service.reply((await socket.messages.next())[0] as Buffer)]);
  })().catch(() => {});

  const url = `http://${clients[0]}`;
  // Until the service is connected, its sessions are not known.
  while (!service.calls.some((call) => call.startsWith('session-create-or-update'))) {
    const connected = await fetch(`${url}/connect`, { method: 'POST', body: '{}' });
    assert.equal(await connected.text(), 'connected');
  }
  const held = fetch(`${url}/poll/1`, { method: 'POST', body: '{"client":{"id":"s1"}}' });
  await program.logged('hold');
  assert.deepEqual(seen.at(-1), { sid: 's1', last: 'a; last-id=1', body: '{"client":{"id":"s1"}}' });
  const items = [{ channel: 'p-a', id: '2', formats: { 'http-response': { body: 'item' } } }];
  await fetch(`${controlUrl}/publish/`, { method: 'POST', body: JSON.stringify({ items }) });
  assert.equal(await (await held).text(), 'item');
  while (service.sessions.get('s1')?.get('a') !== '2') await fetch(controlUrl);
  const again = fetch(`${url}/poll/2`, { method: 'POST', body: '{"client":{"id":"s1"}}' });
  await program.logged('hold', () => seen.filter(({ body }) => body.includes('s1')).length === 2);
  assert.equal(seen.at(-1)?.last, 'a; last-id=2');
  await program.stop();
  assert.equal(await (await again).text(), 'timeout');
});
