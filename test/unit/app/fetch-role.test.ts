import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, statSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { App } from '../../../src/app/index.ts';
import { sendReq } from '../../../src/cli/send-req.ts';
import { ZhttpRequester } from '../../../src/cli/zhttp-requester.ts';
import { RequestPacket, type ResponsePacket } from '../../../src/codec/zhttp/index.ts';
import { type Config, parseConfig, parseFetchEndpoints } from '../../../src/config/index.ts';
import { FakeLog, type LogRecord } from '../../support/fake-log.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

interface Running {
  readonly app: App;
  readonly log: FakeLog;
  /** The endpoint of req mode, and the base of stream mode. */
  readonly req: string;
  readonly base: string;
}

/** A configuration in which only outbound requests are on, with endpoints in this folder. */
function configOf(folder: string, fetch: Record<string, unknown> = {}): Config {
  return parseConfig({
    server: { listen: [] },
    control: { listen: [] },
    fetch: { req: [`ipc://${folder}/req`], stream: [`ipc://${folder}/base`], allow_internal: true, ...fetch },
  });
}

async function start(t: TestContext, fetch: Record<string, unknown> = {}): Promise<Running> {
  const folder = temporaryFolder(t);
  const log = new FakeLog();
  const app = await App.start(configOf(folder, fetch), log);
  t.after(() => app.stop(0));
  return { app, log, req: `ipc://${folder}/req`, base: `ipc://${folder}/base` };
}

/** An origin on loopback. Returns its authority. */
async function origin(
  t: TestContext,
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<string> {
  const server = createServer(answer).listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function ask({ req }: Running, uri: string, fields: Partial<RequestPacket> = {}): Promise<ResponsePacket> {
  return sendReq(
    req,
    Object.assign(new RequestPacket(), { method: 'GET', uri }, fields),
    () => {},
    new Promise(() => {}),
  );
}

test('Requests are made from the start to the stop, and are counted', async (t) => {
  const host = await origin(t, (_, response) => response.end('hello'));
  const running = await start(t);
  assert.deepEqual(running.app.addresses.fetch, [
    ...['-in', '-in-stream', '-out'].map((ending) => running.base + ending),
    running.req,
  ]);
  assert.deepEqual(running.log.with('started')[0]?.fields, {
    clients: [],
    publishers: [],
    edge: [],
    fetch: running.app.addresses.fetch,
  });
  const { code, body } = await ask(running, `http://${host}/`);
  assert.deepEqual([code, body.toString()], [200, 'hello']);
  await running.app.stop();
  const { fetch } = (running.log.with('stopped')[0] as LogRecord).fields as {
    fetch: Pick<App['counters']['fetch'], 'zhttp'>;
  };
  assert.deepEqual([fetch.zhttp.sessions, fetch.zhttp.sessionsOpen, fetch.zhttp.sessionsFailed], [1, 0, 0]);
  for (const endpoint of running.app.addresses.fetch) assert.equal(existsSync(endpoint.slice('ipc://'.length)), false);
});

test('A stop lets requests complete, and gives up those that do not', async (t) => {
  const waiting: ServerResponse[] = [];
  const asked: (() => void)[] = [];
  const host = await origin(t, (_, response) => {
    waiting.push(response);
    asked.shift()?.();
  });
  const next = () => new Promise<void>((resolve) => asked.push(resolve));
  const first = await start(t);
  const arrived = next();
  const answer = ask(first, `http://${host}/`);
  await arrived;
  const stopped = first.app.stop(10);
  waiting.pop()?.end('in time');
  assert.equal((await answer).body.toString(), 'in time');
  await stopped;
  const second = await start(t);
  const again = next();
  const lost = ask(second, `http://${host}/`);
  await again;
  await second.app.stop(0);
  assert.equal((await lost).type, 'error');
});

test('An endpoint that cannot be bound makes the start fail, and endpoints bound before are released', async (t) => {
  const folder = temporaryFolder(t);
  const log = new FakeLog();
  const config = configOf(folder, { stream: [`ipc://${folder}/base`], req: [`ipc://${folder}/none/req`] });
  await assert.rejects(App.start(config, log), (error: Error) => error.message.includes('/none/req'));
  assert.deepEqual(
    ['in', 'in-stream', 'out'].map((name) => existsSync(`${folder}/base-${name}`)),
    [false, false, false],
  );
  assert.deepEqual(log.with('started'), []);
});

test('ipc endpoints have the permissions of the section', async (t) => {
  const { app } = await start(t, { ipc_file_mode: '600' });
  for (const endpoint of app.addresses.fetch) {
    assert.equal(statSync(endpoint.slice('ipc://'.length)).mode & 0o777, 0o600);
  }
});

test('Internal addresses cannot be reached unless the section says so, whatever a request says', async (t) => {
  const host = await origin(t, (_, response) => response.end());
  const strict = await start(t, { allow_internal: false });
  for (const ignorePolicies of [false, true]) {
    const { condition } = await ask(strict, `http://${host}/`, { ignorePolicies });
    assert.equal(condition, 'policy-violation');
  }
  const obedient = await start(t, { allow_internal: false, allow_ignore_policies: true });
  assert.equal((await ask(obedient, `http://${host}/`)).condition, 'policy-violation');
  assert.equal((await ask(obedient, `http://${host}/`, { ignorePolicies: true })).code, 200);
});

test('Without IPv6 only IPv4 addresses are connected to', async (t) => {
  const server = createServer((_, response) => response.end('six')).listen(0, '::1');
  t.after(() => server.close());
  await once(server, 'listening');
  const uri = `http://[::1]:${(server.address() as AddressInfo).port}/`;
  assert.equal((await ask(await start(t), uri)).code, 200);
  assert.equal((await ask(await start(t, { allow_ipv6: false }), uri)).condition, 'remote-connection-failed');
});

test('The section decides whether responses are decompressed', async (t) => {
  const host = await origin(t, ({ headers }, response) => response.end(String(headers['accept-encoding'])));
  assert.match((await ask(await start(t), `http://${host}/`)).body.toString(), /gzip/);
  assert.equal((await ask(await start(t, { decompress: false }), `http://${host}/`)).body.toString(), 'undefined');
});

test('The time of a whole request is bounded as the plan says', async (t) => {
  const host = await origin(t, () => {});
  const running = await start(t, { request_timeout: 0.1 });
  assert.equal((await ask(running, `http://${host}/`)).condition, 'session-timeout');
  const folder = temporaryFolder(t);
  const config = configOf(folder, { request_timeout: 0.1 });
  const app = await App.start(config, new FakeLog(), [{ ...config.fetch, timeoutCondition: 'connection-timeout' }]);
  t.after(() => app.stop(0));
  const condure = { ...running, req: `ipc://${folder}/req` };
  assert.equal((await ask(condure, `http://${host}/`)).condition, 'connection-timeout');
});

test('Names are looked up at the servers that the section names', async (t) => {
  const host = await origin(t, (_, response) => response.end());
  const port = host.split(':')[1];
  const running = await start(t, { dns_servers: ['127.0.0.1:1'] });
  assert.equal((await ask(running, `http://holdfast.test:${port}/`)).condition, 'remote-connection-failed');
  assert.equal((await ask(running, `http://localhost:${port}/`)).code, 200);
});

for (const compression of [true, false]) {
  test(`Compression of WebSocket messages is ${compression ? 'offered' : 'not offered'} as the section says`, async (t) => {
    const server = createServer();
    server.on('upgrade', (_, socket) => {
      // The end of the test may come before the client has read this.
      socket.on('error', () => {});
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
    });
    server.listen(0, '127.0.0.1');
    t.after(() => server.close());
    await once(server, 'listening');
    const { base } = await start(t, { compression });
    const requester = new ZhttpRequester(parseFetchEndpoints(base), () => {});
    t.after(() => requester.close());
    await requester.connect();
    const upgraded = once(server, 'upgrade');
    const uri = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/`;
    await requester.open(Object.assign(new RequestPacket(), { uri }), { onPacket: () => {}, onLost: () => {} });
    const [{ headers }] = (await upgraded) as [IncomingMessage];
    assert.equal(headers['sec-websocket-extensions']?.split(';')[0], compression ? 'permessage-deflate' : undefined);
  });
}
