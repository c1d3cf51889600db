import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { type RunningApp, startApp } from '../support/running-app.ts';

const CONTROL = {
  user: [
    { name: 'ann', password: 'pw', role: 'admin' as const },
    { name: 'eve', password: 'pw', role: 'read' as const },
    { name: 'pub', password: 'pw', role: 'publish' as const },
  ],
};

const basic = (user: string) => `Authorization: Basic ${Buffer.from(`${user}:pw`).toString('base64')}\r\n`;

function start(t: TestContext): Promise<RunningApp> {
  return startApp(t, ['* test'], { control: CONTROL });
}

/** The status of the response to one request on a connection of its own. */
async function statusOf(app: RunningApp, head: string, body = ''): Promise<number> {
  const client = await app.connectControl();
  client.write(`${head}Connection: close\r\n\r\n${body}`);
  return (await client.takeResponse()).status;
}

test('what is almost the path of an operation does not match', async (t) => {
  const app = await start(t);
  for (const target of [
    ...[
      '//status',
      '/status/',
      '/./status',
      '/x/../status',
      '/%2e/status',
      '/status%00',
      '/STATUS',
      '/channels//messages',
    ],
    ...[
      '/channels/%ff',
      '/channels/%',
      '/connections/',
      '/routes/a/b',
      '/..%2fstatus',
      '/dashboard/..%2f..%2fpackage.json',
    ],
    ...['/dashboard/../package.json', '/dashboard/%2e%2e/package.json', '/dashboard/.git', '/dashboardx'],
  ]) {
    const status = await statusOf(app, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${basic('ann')}`);
    assert.ok(status === 404 || status === 400, `${target}: ${status}`);
  }
});

test('bodies that are too long, of another length or type, or never end, do nothing', async (t) => {
  const app = await start(t);
  const post = (fields: string) => `POST /session HTTP/1.1\r\nHost: localhost\r\n${fields}`;
  const json = 'Content-Type: application/json\r\n';
  assert.equal(await statusOf(app, post(`${json}Content-Length: 262145\r\n`)), 413);
  assert.equal(await statusOf(app, post(`${json}Content-Length: 99999999999999999999\r\n`)), 400);
  assert.equal(await statusOf(app, post(`${json}Content-Length: -1\r\n`)), 400);
  assert.equal(await statusOf(app, post(`${json}Content-Length: 2\r\nContent-Length: 3\r\n`), '{}'), 400);
  assert.equal(await statusOf(app, post('Content-Type: text/plain\r\nContent-Length: 2\r\n'), '{}'), 415);
  assert.equal(await statusOf(app, post('Content-Length: 2\r\n'), '{}'), 415);
  const chunks = `20000\r\n${' '.repeat(0x20000)}\r\n`.repeat(3);
  assert.equal(await statusOf(app, post(`${json}Transfer-Encoding: chunked\r\n`), chunks), 413);
  const deep = '['.repeat(100_000);
  assert.equal(await statusOf(app, post(`${json}Content-Length: ${deep.length}\r\n`), deep), 400);
  // Half a body, and the client is gone.
  const client = await app.connectControl();
  client.write(`${post(`${json}Content-Length: 100\r\n`)}\r\n{"na`);
  client.socket.destroy();
  assert.equal(await statusOf(app, `GET /status HTTP/1.1\r\nHost: localhost\r\n${basic('eve')}`), 200);
});

test('a role gets what is its own, whatever the method and however it asks', async (t) => {
  const app = await start(t);
  const tries: readonly (readonly [string, string, string, number])[] = [
    ['eve', 'GET', '/status', 200],
    ['eve', 'GET', '/configuration', 403],
    ['eve', 'DELETE', '/connections/1', 403],
    ['eve', 'POST', '/drain', 403],
    ['eve', 'POST', '/publish', 403],
    ['eve', 'POST', '/channels/a/message', 403],
    ['pub', 'GET', '/status', 403],
    ['pub', 'GET', '/channels/a/messages', 403],
    ['pub', 'GET', '/channels/a/history', 403],
    ['pub', 'POST', '/channels/a/message', 200],
    ['pub', 'GET', '/metrics', 200],
    ['pub', 'POST', '/recover', 200],
    ['ann', 'GET', '/configuration', 200],
  ];
  for (const [user, method, target, expected] of tries) {
    const head = `${method} ${target} HTTP/1.1\r\nHost: localhost\r\n${basic(user)}Content-Length: 0\r\n`;
    assert.equal(await statusOf(app, head), expected, `${user} ${method} ${target}`);
  }
  const twice = `GET /configuration HTTP/1.1\r\nHost: localhost\r\n${basic('eve')}${basic('ann')}`;
  assert.equal(await statusOf(app, twice), 401, 'two sets of credentials are none');
  const override = `POST /status HTTP/1.1\r\nHost: localhost\r\n${basic('ann')}X-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n`;
  assert.equal(await statusOf(app, override), 405);
  assert.equal(app.app.state, 'ready');
});

test('guesses and streams of one peer cost no other its publish', async (t) => {
  const app = await start(t);
  const publish = async () => {
    const body = '{"items":[{"channel":"a","formats":{"http-stream":{"content":"x"}}}]}';
    return statusOf(
      app,
      `POST /publish HTTP/1.1\r\nHost: localhost\r\n${basic('pub')}Content-Length: ${body.length}\r\n`,
      body,
    );
  };
  assert.equal(await publish(), 200);
  // Readers that take nothing.
  for (let i = 0; i < 17; i++) {
    const reader = await app.connectControl();
    reader.write(`GET /events HTTP/1.1\r\nHost: localhost\r\n${basic('eve')}\r\n`);
    reader.socket.pause();
  }
  const guesser = await app.connectControl();
  const guess = `GET /status HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic ${Buffer.from('ann:no').toString('base64')}\r\n\r\n`;
  for (let i = 0; i < 100; i++) {
    guesser.write(guess);
    const { status } = await guesser.takeResponse();
    assert.equal(status, i < 10 ? 401 : 429, String(i));
  }
  assert.equal(await publish(), 200);
  assert.equal(await statusOf(app, `GET /configuration HTTP/1.1\r\nHost: localhost\r\n${basic('ann')}`), 429);
  assert.equal(app.app.counters.control.faults, 0);
});
