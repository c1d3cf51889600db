import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import { get } from 'node:https';
import { type TestContext, test } from 'node:test';
import WebSocket from 'ws';
import { DEFAULT_TLS_LIMITS, TlsIdentities } from '../../../src/net/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { IDENTITIES } from '../../support/loopback-certificate.ts';
import { turn } from '../../support/manual-clock.ts';
import { RunningServer, type ServerChanges } from '../../support/running-server.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

/** A server that speaks TLS as `localhost`; returns the authority of its URLs. */
async function startTls(
  t: TestContext,
  changes: ServerChanges = {},
): Promise<{ running: RunningServer; authority: string; ca: string }> {
  const running = new RunningServer(t, changes);
  const { certificate, key } = Object.values(IDENTITIES)[0] as { certificate: string; key: string };
  const folder = temporaryFolder(t, { 'localhost.crt': certificate, 'localhost.key': key });
  const identities = new TlsIdentities({ folder, defaultName: 'localhost', log: new FakeLog() });
  const { port } = await running.server.listen(
    { kind: 'tcp', host: '127.0.0.1', port: 0 },
    { tls: { identities, ...DEFAULT_TLS_LIMITS, wheel: running.wheel } },
  );
  return { running, authority: `127.0.0.1:${port}`, ca: certificate };
}

const CLIENT = { rejectUnauthorized: false, servername: 'localhost' };

test('requests over TLS have the scheme https, and their responses arrive', async (t) => {
  const { running, authority } = await startTls(t);
  const body = Buffer.alloc(200_000, 'some bytes');
  const request = get(`https://${authority}/`, { ...CLIENT, agent: false });
  const answered = once(request, 'response');
  const exchange = await running.next();
  assert.equal(exchange.request.scheme, 'https');
  exchange.respond(body);
  const [response] = await answered;
  assert.ok(Buffer.concat(await response.toArray()).equals(body));
});

test('over TLS too, connections over the maximum wait and are served in order', async (t) => {
  const { running, authority } = await startTls(t, { maxConnections: 1 });
  const answered: Promise<unknown[]>[] = [];
  for (const path of ['/0', '/1', '/2']) {
    const waiting = running.accepted;
    const request = get(`https://${authority}${path}`, { ...CLIENT, agent: false });
    answered.push(once(request, 'response'));
    // The handshake is done, and the request is on its way.
    await once(request, 'finish');
    while (running.accepted === waiting) await turn();
  }
  for (const [index, response] of answered.entries()) {
    const exchange = await running.next();
    assert.equal(exchange.request.target, `/${index}`);
    assert.equal(running.script.exchanges.length, index + 1);
    exchange.respond('served');
    const [message] = (await response) as [IncomingMessage];
    assert.equal(Buffer.concat(await message.toArray()).toString(), 'served');
  }
});

test('a response that ends with the connection and breaks off is cut off without an error of ours', async (t) => {
  const { running, authority } = await startTls(t);
  const request = get(`https://${authority}/`, { ...CLIENT, agent: false });
  const answered = once(request, 'response');
  const exchange = await running.next();
  exchange.head();
  exchange.send('part');
  const [response] = await answered;
  response.resume();
  const failed = once(response, 'error');
  exchange.fail('HF_ORIGIN_TRUNCATED');
  const [error] = await failed;
  assert.equal(error.code, 'ECONNRESET');
});

test('WebSockets over TLS have the scheme wss, and messages go both ways', async (t) => {
  const { running, authority } = await startTls(t);
  const client = new WebSocket(`wss://${authority}/`, CLIENT);
  const webSocket = await running.nextWebSocket();
  assert.equal(webSocket.request.scheme, 'wss');
  webSocket.accept();
  await once(client, 'open');
  client.send('up');
  assert.deepEqual(await webSocket.lines(1), ['text up']);
  const received: number[] = [];
  client.on('message', (data) => received.push((data as Buffer).length));
  let sent = 0;
  while (sent < 300) {
    for (; webSocket.credits >= 10_000 && sent < 300; sent++) webSocket.message(Buffer.alloc(10_000));
    await webSocket.until(() => webSocket.credits >= 10_000);
  }
  while (received.length < 300) await once(client, 'message');
  const closed = once(client, 'close');
  client.close(1000);
  await webSocket.lines(2);
  webSocket.close(1000);
  assert.equal((await closed)[0], 1000);
});

test('a WebSocket over TLS whose client leaves without a close is noticed', async (t) => {
  const { running, authority } = await startTls(t);
  const client = new WebSocket(`wss://${authority}/`, CLIENT);
  const webSocket = await running.nextWebSocket();
  webSocket.accept();
  await once(client, 'open');
  client.terminate();
  assert.equal((await webSocket.failed()).code, 'HF_CLIENT_GONE');
});
