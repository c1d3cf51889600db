import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, readlinkSync, renameSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { Config } from '../../../src/config/index.ts';
import { httpOrigin, type OriginResponse } from '../../support/http-origin.ts';
import { configOf, eventually, startApp } from '../../support/running-app.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

type Line = Record<string, unknown>;

/** An app whose access log is a file, and one origin that responds as `respond` says. */
async function logged(
  t: TestContext,
  respond: (target: string) => OriginResponse,
  section: Partial<Config['accessLog']> = {},
  routeOptions = '',
) {
  const folder = temporaryFolder(t);
  const file = `${folder}/access.log`;
  const origin = await httpOrigin(t, ({ target }) => respond(target));
  const accessLog = { to: file, ...section };
  const routes = [`*${routeOptions},id=main ${origin.target}`];
  const app = await startApp(t, routes, { accessLog });
  const text = () => (existsSync(file) ? readFileSync(file, 'latin1') : '');
  const lines = (): Line[] =>
    text()
      .split('\n')
      .slice(0, -1)
      .map((line) => JSON.parse(line));
  const next = async (count: number): Promise<Line[]> => {
    await eventually(() => text().split('\n').length > count);
    return lines();
  };
  return { app, origin, file, folder, routes, accessLog, text, lines, next };
}

test('A request is one line, with its route, target, status, bytes, times and id, which the origin gets', async (t) => {
  const { app, origin, next, file } = await logged(t, () => ({ status: 201, body: 'hello' }));
  await app.get('/a?b=c', 'User-Agent: me\r\nX-Request-Id: mine-1\r\n');
  const [line = {}] = await next(1);
  const { method, target, host, status, outcome, responseBytes, route, requestId, userAgent, role, client } = line;
  assert.deepEqual(
    { method, target, host, status, outcome, responseBytes, route, requestId, userAgent, role, client },
    {
      method: 'GET',
      target: '/a?b=c',
      host: 'a',
      status: 201,
      outcome: 'completed',
      responseBytes: 5,
      route: 'main',
      requestId: 'mine-1',
      userAgent: 'me',
      role: 'proxy',
      client: '127.0.0.1',
    },
  );
  assert.equal(line.origin, origin.target);
  assert.ok((line.originMs as number) > 0 && (line.durationMs as number) >= (line.originMs as number));
  assert.equal((await origin.request()).header('x-request-id'), 'mine-1');
  assert.equal(statSync(file).mode & 0o137, 0);
});

test('An id that was made is the same at the origin, in the access log and in the log, and differs for each request', async (t) => {
  const { app, origin, next } = await logged(t, () => ({}), {}, ',log_level=info');
  await app.get('/1');
  await app.get('/2');
  const ids = (await next(2)).map(({ requestId }) => requestId);
  assert.deepEqual(ids, [
    (await origin.request(1)).header('x-request-id'),
    (await origin.request(2)).header('x-request-id'),
  ]);
  assert.equal(new Set(ids).size, 2);
  assert.deepEqual(
    app.log.of('request').map(({ requestId }) => requestId),
    ids,
  );
});

test('A request without a route says why it failed', async (t) => {
  const { app, lines, next } = await logged(t, () => ({}), {}, ',path_beg=/here');
  await app.get('/elsewhere');
  await next(1);
  const [line = {}] = lines();
  assert.deepEqual([line.status, line.outcome, line.error, line.route], [502, 'refused', 'HF_NO_ROUTE', undefined]);
});

test('A held stream is one line at its end, with the items that it got and the time that it was held', async (t) => {
  const { app, next, text } = await logged(t, () => ({
    headers: { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' },
    body: 'open\n',
  }));
  const client = await app.stream();
  await app.held();
  await app.publishStream('a', '1\n', '2\n', '3\n');
  await client.until('3\n');
  await eventually(() => app.counters.itemsDelivered === 3);
  assert.doesNotMatch(text(), /"role":"proxy"/);
  client.destroy();
  await eventually(() => text().includes('"role":"proxy"'));
  const line = (await next(2)).find(({ role }) => role === 'proxy') as Line;
  assert.deepEqual(
    [line.items, line.responseBytes, line.outcome, line.status],
    [3, 'open\n1\n2\n3\n'.length, 'left', 200],
  );
  assert.ok((line.heldMs as number) > 0);
});

test('A held request that gets its item is complete', async (t) => {
  const { app, text, lines } = await logged(t, () => ({ headers: { 'Grip-Hold': 'response', 'Grip-Channel': 'a' } }));
  const response = app.get('/');
  await app.held();
  await app.publish({ channel: 'a', formats: { 'http-response': { body: 'hello' } } });
  await response;
  await eventually(() => text().includes('"role":"proxy"'));
  const line = lines().find(({ role }) => role === 'proxy') as Line;
  assert.deepEqual([line.items, line.responseBytes, line.outcome], [1, 5, 'completed']);
});

test('With a sample of 0 only failures are logged, and a route with no_log has no lines at all', async (t) => {
  const sampled = await logged(t, (target) => ({ status: target === '/bad' ? 500 : 404 }), { sample: 0 });
  await sampled.app.get('/good');
  await sampled.app.get('/bad');
  await sampled.app.get('/good');
  const failed = await sampled.next(1);
  assert.deepEqual(
    failed.map(({ target }) => target),
    ['/bad'],
  );
  const quiet = await logged(t, () => ({ status: 500 }), {}, ',no_log');
  await quiet.app.get('/');
  await quiet.app.publish();
  const lines = await quiet.next(1);
  assert.deepEqual(
    lines.map(({ role }) => role),
    ['control'],
  );
});

test('The client is the one behind a trusted proxy, and its network alone where that is asked for', async (t) => {
  const folder = temporaryFolder(t);
  const origin = await httpOrigin(t, () => ({}));
  const file = `${folder}/access.log`;
  const app = await startApp(t, [`* ${origin.target}`], {
    server: { trustedProxies: ['127.0.0.1'] },
    accessLog: { to: file, anonymize: true },
  });
  await app.get('/', 'X-Forwarded-For: 203.0.113.9\r\n');
  await eventually(() => readFileSync(file, 'latin1') !== '');
  assert.equal(JSON.parse(readFileSync(file, 'latin1')).client, '203.0.113.0');
});

test('A reload turns the log on and off, and to another file, while the server runs', async (t) => {
  const { app, folder, file, routes, next } = await logged(t, () => ({}));
  await app.get('/1');
  await next(1);
  const use = (to: string) => app.app.reconfigure(configOf(routes, { accessLog: { to } }));
  await use(`${folder}/other.log`);
  await app.get('/2');
  await eventually(() => readFileSync(`${folder}/other.log`, 'latin1').includes('"/2"'));
  await assert.rejects(use(`${folder}/none/x.log`), { message: /cannot write the access log .*none\/x\.log: / });
  await app.get('/3');
  await eventually(() => readFileSync(`${folder}/other.log`, 'latin1').includes('"/3"'));
  await use('');
  await app.get('/4');
  await app.app.stop(0);
  assert.doesNotMatch(readFileSync(`${folder}/other.log`, 'latin1'), /"\/4"/);
  assert.equal(readFileSync(file, 'latin1').split('\n').length, 2);
});

test('A client that was held when a reload named another file has its line there', async (t) => {
  const { app, folder, routes } = await logged(t, () => ({
    headers: { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' },
    body: 'open\n',
  }));
  const client = await app.stream();
  await app.held();
  await app.app.reconfigure(configOf(routes, { accessLog: { to: `${folder}/other.log` } }));
  client.destroy();
  await eventually(() => readFileSync(`${folder}/other.log`, 'latin1').includes('"outcome":"left"'));
  assert.equal(app.app.counters.registry.snapshot().access?.linesLost, 0);
});

test('A file that was opened for a reload is the one that is used, or is closed', async (t) => {
  const { app, folder, routes } = await logged(t, () => ({}));
  const open = () => readdirSync('/proc/self/fd').filter((fd) => linkOf(fd).startsWith(`${folder}/other`)).length;
  const prepare = () => app.app.live.prepare(configOf(routes, { accessLog: { to: `${folder}/other/x.log` } }));
  mkdirSync(`${folder}/other`);
  (await prepare()).discard();
  assert.equal(open(), 0);
  const prepared = await prepare();
  renameSync(`${folder}/other`, `${folder}/others`);
  prepared.commit();
  await app.get('/1');
  await eventually(() => readFileSync(`${folder}/others/x.log`, 'latin1').includes('"/1"'));
  assert.equal(open(), 1);
});

/** What a descriptor of this process is of. */
function linkOf(fd: string): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return '';
  }
}

test('The file is opened again after it was moved away', async (t) => {
  const { app, file, next } = await logged(t, () => ({}));
  await app.get('/1');
  await next(1);
  renameSync(file, `${file}.1`);
  app.app.reopenLog();
  await app.get('/2');
  assert.equal((await next(1))[0]?.target, '/2');
});

test('A disk that is full under the log stops no request: the lines are counted as lost', async (t) => {
  const { app } = await logged(t, () => ({ body: 'served' }), { to: '/dev/full' });
  assert.equal((await app.get('/')).body, 'served');
  await eventually(() => app.app.counters.registry.snapshot().access?.linesLost === 1);
  assert.deepEqual(app.log.of('lines of the access log cannot be written, and are lost'), [
    { path: '/dev/full', lost: 1 },
  ]);
});

test('A file that cannot be opened is an error at the start, and names it', async (t) => {
  const folder = temporaryFolder(t);
  mkdirSync(`${folder}/access.log`);
  await assert.rejects(startApp(t, ['* localhost:1'], { accessLog: { to: `${folder}/access.log` } }), {
    message: `cannot write the access log ${folder}/access.log: is a directory`,
  });
});
