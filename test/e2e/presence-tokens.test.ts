import assert from 'node:assert/strict';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { WebSocketServer } from 'ws';
import { runServer } from '../support/holdfast.ts';
import { startPresenceOrigin } from '../support/presence/presence-origin.ts';
import { WebhookReceiver } from '../support/presence/webhook-receiver.ts';
import { secretToken } from '../support/tokens.ts';
import { openWs } from '../support/websocket/ws-peers.ts';

const bearer = (claims: object) => ({ Authorization: `Bearer ${secretToken(claims, 'secret')}` });

/** Runs a server whose route knows its users by the claim `sub`. */
async function started(t: TestContext, target: string, hook: WebhookReceiver) {
  const toml = `${hook.table('events = ["join", "leave"]')}
[hub]
presence_grace = 1
[[channel]]
match = ">"
presence = true
[[route]]
host = "*"
targets = ["${target}"]
[route.jwt]
key = "secret"
user_claim = "sub"
`;
  const { clients } = await runServer(t, [], toml);
  return clients[0] as string;
}

test('a client is the user whom its token names, unless its origin names another one', async (t) => {
  const hook = await WebhookReceiver.start(t);
  const address = await started(t, await startPresenceOrigin(t), hook);
  const open = async (query: string, headers: Record<string, string>): Promise<AbortController> => {
    const abort = new AbortController();
    const response = await fetch(`http://${address}/?${query}`, { headers, signal: abort.signal });
    assert.equal(response.status, 200);
    return abort;
  };
  const ann = await open('c=room', bearer({ sub: 'ann' }));
  await hook.got('join room ann');
  await open('c=room&u=bob', bearer({ sub: 'eve' }));
  await hook.got('join room bob');
  await open('c=room', bearer({ sub: 'x'.repeat(257) }));
  await open('c=room', bearer({}));
  const forged = await fetch(`http://${address}/?c=room`, { headers: { Authorization: 'Bearer x.y.z' } });
  assert.equal(forged.status, 401);
  await open('c=room', bearer({ sub: 'last' }));
  await hook.got('join room last');
  ann.abort();
  await hook.got('leave room ann');
  assert.deepEqual(hook.texts, ['join room ann', 'join room bob', 'join room last', 'leave room ann']);
});

test('a WebSocket goes back to the user of its token when its origin names no other one any more', async (t) => {
  const hook = await WebhookReceiver.start(t);
  const server = new WebSocketServer({ port: 0, host: '127.0.0.1', handleProtocols: () => false });
  await once(server, 'listening');
  t.after(() => server.close());
  server.on('headers', (headers) => headers.push('Sec-WebSocket-Extensions: grip'));
  const control = (message: object): string => `c:${JSON.stringify(message)}`;
  server.on('connection', (socket) => {
    socket.send(control({ type: 'subscribe', channel: 'room' }));
    socket.on('message', (name) =>
      socket.send(control({ type: 'set-meta', name: 'user', ...(String(name) !== '-' && { value: String(name) }) })),
    );
  });
  const { port } = server.address() as { port: number };
  const address = await started(t, `127.0.0.1:${port}`, hook);
  const client = await openWs(t, `ws://${address}/`, [], bearer({ sub: 'ann' }));
  await hook.got('join room ann');
  client.send('bob');
  await hook.got('leave room ann');
  client.send('-');
  await hook.got('leave room bob');
  assert.deepEqual(hook.texts, ['join room ann', 'join room bob', 'leave room ann', 'join room ann', 'leave room bob']);
});
