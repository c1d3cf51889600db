import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { runServer } from '../support/holdfast.ts';
import { startOrigin } from '../support/origin.ts';
import { connectTo } from '../support/raw-client.ts';

const PROXY_LINE = 'PROXY TCP4 192.0.2.1 198.51.100.1 56324 443\r\n';

/** Starts the program in front of an origin that says what X-Forwarded-For and X-Forwarded-Proto it got; returns what asks it. */
async function start(t: TestContext, port: string, config: string): Promise<(bytes: string) => Promise<string>> {
  const origin = await startOrigin(t, ({ headers }, response) => {
    response.end(`${headers['x-forwarded-for'] ?? '-'}; ${headers['x-forwarded-proto'] ?? '-'}`);
  });
  const { clients } = await runServer(t, ['--port', port, '--route', `* ${origin}`], config);
  return async (bytes) => {
    const client = await connectTo(t, clients[0] ?? '');
    const { status, body } = await client.request(bytes);
    return `${status} ${body}`;
  };
}

function request(...headers: string[]): string {
  return `GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${headers.map((line) => `${line}\r\n`).join('')}\r\n`;
}

test('a client cannot make its address up', async (t) => {
  const ask = await start(t, '127.0.0.1:0', '');
  assert.equal(await ask(request('X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https')), '200 127.0.0.1; -');
});

test('a trusted proxy says who its client is, and whether it uses TLS', async (t) => {
  const ask = await start(t, '127.0.0.1:0', '[server]\ntrusted_proxies = ["127.0.0.0/8"]\n');
  const headers = ['X-Forwarded-For: 192.0.2.1', 'X-Forwarded-Proto: https'];
  assert.equal(await ask(request(...headers)), '200 192.0.2.1, 127.0.0.1; https');
});

test('with proxy-protocol the client is the one that the PROXY header names', async (t) => {
  const config = '[server]\ntrusted_proxies = ["127.0.0.1"]\n';
  const ask = await start(t, '127.0.0.1:0,proxy-protocol', config);
  // The client itself is not a trusted proxy, so what it says of itself does not pass.
  const body = await ask(PROXY_LINE + request('X-Forwarded-For: 198.51.100.7', 'X-Forwarded-Proto: https'));
  assert.equal(body, '200 192.0.2.1; -');
});

test('with proxy-protocol a connection without a header is closed without a word', async (t) => {
  const { clients } = await runServer(
    t,
    ['--port', '127.0.0.1:0,proxy-protocol', '--route', '* 127.0.0.1:1'],
    '[server]\ntrusted_proxies = ["127.0.0.1"]\n',
  );
  const client = await connectTo(t, clients[0] ?? '');
  client.write(request());
  assert.equal(await client.takeAll(), '');
});
