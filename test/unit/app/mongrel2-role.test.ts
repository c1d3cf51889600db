import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Mongrel2Role, newMongrel2Counters } from '../../../src/app/mongrel2-role.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { Mongrel2Dir, Mongrel2Route } from '../../../src/config/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { manualClock } from '../../support/manual-clock.ts';
import { handlerOf, siteOf } from '../../support/mongrel2/site.ts';
import { portOf } from '../../support/port-of.ts';
import { connectTo } from '../../support/raw-client.ts';
import { startRawOrigin } from '../../support/raw-origin.ts';
import { settled } from '../../support/settled.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Running {
  readonly role: Mongrel2Role;
  readonly log: FakeLog;
  readonly counters: ReturnType<typeof newMongrel2Counters>;
}

async function start(t: TestContext, routes: readonly Mongrel2Route[], name = ''): Promise<Running> {
  const counters = newMongrel2Counters();
  const wheel = new TimerWheel();
  const log = new FakeLog();
  const role = new Mongrel2Role({ server: siteOf(routes, {}, { name }), wheel, log, counters });
  await role.start();
  t.after(async () => {
    role.drain();
    await role.stop();
    wheel.stop();
  });
  return { role, log, counters };
}

function proxyTo(port: number): Mongrel2Route {
  return { path: '/', target: { kind: 'proxy', host: '127.0.0.1', port } };
}

function dirTo(base: string): Mongrel2Dir {
  return { kind: 'dir', base, indexFile: 'index.html', defaultType: 'text/plain', cacheTtl: 0, followLinks: false };
}

test('requests to a proxy target go on as the client sent them, on pooled connections', async (t) => {
  const origin = await httpOrigin(t, () => ({ headers: { 'Grip-Hold': 'stream', 'X-A': 'b' }, body: 'from origin' }));
  const { role } = await start(t, [proxyTo(origin.port)]);
  for (let i = 0; i < 2; i++) {
    const client = await connectTo(t, role.address);
    const response = await client.request(
      'POST /p?q HTTP/1.1\r\nHost: localhost\r\nX-Forwarded-For: 1.2.3.4\r\nContent-Length: 4\r\n\r\nbody',
    );
    assert.deepEqual([response.status, response.body, response.headers.get('x-a')], [200, 'from origin', 'b']);
    assert.equal(response.headers.get('grip-hold'), 'stream', 'GRIP means nothing here');
    const more = await client.request('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal(more.status, 200, 'the connection goes on');
  }
  const [first] = origin.requests;
  assert.deepEqual([first?.method, first?.target, first?.body.toString()], ['POST', '/p?q', 'body']);
  assert.equal(first?.header('host'), 'localhost');
  assert.deepEqual(first?.all('x-forwarded-for'), ['1.2.3.4']);
  assert.ok(origin.connections < 4);
});

test('a request for a WebSocket goes to a proxy target as an ordinary one', async (t) => {
  const origin = await httpOrigin(t, () => ({ body: 'from origin' }));
  const { role } = await start(t, [proxyTo(origin.port)]);
  const client = await connectTo(t, role.address);
  const response = await client.request(
    'GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
  );
  assert.deepEqual([response.status, response.body], [200, 'from origin']);
  const [request] = origin.requests;
  assert.deepEqual(
    request?.all('connection').filter((value) => /upgrade/i.test(value)),
    [],
  );
});

test('an origin that is not there, or whose response cannot be read, is a 502', async (t) => {
  const origin = await startRawOrigin(t);
  origin.onPeer = (peer) => peer.write('no response\r\n\r\n');
  const port = portOf(origin.route);
  for (const route of [proxyTo(port), proxyTo(1)]) {
    const { role } = await start(t, [route]);
    const client = await connectTo(t, role.address);
    const { status, body } = await client.request('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.deepEqual([status, body], [502, 'Bad Gateway']);
    assert.equal(await client.ended, 'fin');
  }
});

test('the endpoints of handlers are known once they are bound', async (t) => {
  const { role } = await start(t, [{ path: '/', target: handlerOf() }]);
  assert.equal(role.endpoints.length, 2);
  for (const endpoint of role.endpoints) assert.match(endpoint, /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
});

test('a head has 30 s to arrive, and a connection without a request is closed after min_ping', async (t) => {
  const clock = manualClock(t);
  const { role, counters } = await start(t, [{ path: '/', target: handlerOf() }]);
  const slow = await connectTo(t, role.address);
  slow.write('GET / HTTP/1.1\r\n');
  await settled(() => counters.server.connectionsOpen);
  const idle = await connectTo(t, role.address);
  await settled(() => counters.server.connectionsOpen);
  clock(29);
  assert.equal(slow.text, '');
  clock(2);
  assert.equal((await slow.takeResponse()).status, 408);
  clock(88);
  assert.equal(counters.server.connectionsOpen, 2);
  clock(3);
  assert.equal(await idle.ended, 'fin');
});

test('a folder that is missing is named at the start, once', async (t) => {
  const folder = temporaryFolder(t, { file: '' });
  const file = join(folder, 'file');
  const missing = join(folder, 'missing');
  const bases = [folder, missing, missing, file];
  const routes = bases.map((base, index) => ({ path: `/${index}/`, target: dirTo(base) }));
  const { log } = await start(t, routes);
  assert.deepEqual(log.of('folder of a route is missing'), [
    { path: missing, reason: 'no such file or directory' },
    { path: file, reason: 'not a folder' },
  ]);
});

test('what a server logs with others has its name', async (t) => {
  const routes = [{ path: '/', target: dirTo('/nowhere') }];
  const [named, nameless] = [await start(t, routes, 'one'), await start(t, routes)];
  const [record] = named.log.of('folder of a route is missing');
  assert.equal(record?.server, 'one');
  assert.deepEqual(nameless.log.of('folder of a route is missing'), [{ path: '/nowhere', reason: record?.reason }]);
});
