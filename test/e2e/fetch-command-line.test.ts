import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, watch } from 'node:fs';
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Server } from 'node:net';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type WebSocket, WebSocketServer } from 'ws';
import { Dealer } from 'zeromq';
import { encodeRequestPacket, parseResponsePacket, RequestPacket } from '../../src/codec/zhttp/index.ts';
import { loadConfig, parseZurlConf } from '../../src/config/index.ts';
import { startCondureClient, startFetch, startZurl, stopFetcher } from '../support/fetch/fetcher.ts';
import { holdfast, LAUNCHER, startHoldfast } from '../support/holdfast.ts';
import { LOOPBACK_CERTIFICATE, LOOPBACK_KEY } from '../support/loopback-certificate.ts';
import { type Ended, Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';

/** Listens on loopback until the test is over. Returns the authority. */
async function listening(t: TestContext, server: Server & { closeAllConnections?: () => void }): Promise<string> {
  server.listen(0, '127.0.0.1');
  t.after(() => {
    server.closeAllConnections?.();
    server.close();
  });
  await once(server, 'listening');
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const origin = (t: TestContext, listener: RequestListener) => listening(t, createServer(listener));

/** An origin that tells what it was asked. */
function mirror(t: TestContext): Promise<string> {
  return origin(t, async (request, response) => {
    const body = await bodyOf(request);
    response.setHeader('X-Mirror', 'yes');
    if (request.url === '/missing') response.statusCode = 404;
    if (request.url === '/moved') response.writeHead(302, { Location: '/there' });
    response.end(`${request.method} ${request.url} ${request.headers['x-a'] ?? '-'} ${body}\n`);
  });
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let body = '';
  for await (const chunk of request.setEncoding('utf8')) body += chunk;
  return body;
}

/** A WebSocket origin. */
async function webSocketOrigin(t: TestContext, serve: (socket: WebSocket) => void): Promise<string> {
  const server = createServer((_, response) => response.writeHead(403).end('no WebSocket here'));
  const sockets = new WebSocketServer({ noServer: true });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => {});
    if (request.url === '/refused') socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno');
    else sockets.handleUpgrade(request, socket, head, serve);
  });
  t.after(() => {
    for (const client of sockets.clients) client.terminate();
  });
  return listening(t, server);
}

const fetch = (t: TestContext, args: readonly string[], surroundings = {}) =>
  holdfast(t, ['fetch', ...args], surroundings);

const answered = (stdout: string): Ended => ({ code: 0, stdout, stderr: '' });
const failed = (stderr: string, stdout = ''): Ended => ({ code: 1, stdout, stderr: `error: ${stderr}\n` });

test('fetch makes a request itself, and writes the body of its response', async (t) => {
  const host = await mirror(t);
  assert.deepEqual(await fetch(t, [`http://${host}/a?b`]), answered('GET /a?b - \n'));
  assert.deepEqual(await fetch(t, [`${host}/a`, '-X', 'PUT', '-H', 'X-A: b']), answered('PUT /a b \n'));
  assert.deepEqual(await fetch(t, ['-d', 'hello', host]), answered('POST / - hello\n'));
});

test('the data of fetch may come from a file or from standard input', async (t) => {
  const host = await mirror(t);
  const cwd = temporaryFolder(t, { data: 'from a file' });
  assert.deepEqual(await fetch(t, ['-d', '@data', host], { cwd }), answered('POST / - from a file\n'));
  assert.deepEqual(await fetch(t, ['-d', '@-', host], { input: 'from a pipe' }), answered('POST / - from a pipe\n'));
  assert.deepEqual(await fetch(t, ['-d', '@none', host], { cwd }).then(({ code }) => code), 1);
});

test('fetch --include writes the head of the response as well', async (t) => {
  const host = await mirror(t);
  const { stdout } = await fetch(t, ['-i', host]);
  assert.match(stdout, /^HTTP 200 OK\n([A-Z][^\n]+\n)*X-Mirror: yes\n([A-Z][^\n]+\n)*\nGET \/ - \n$/);
});

test('an error status is not a failure without --fail', async (t) => {
  const host = await mirror(t);
  const body = 'GET /missing - \n';
  assert.deepEqual(await fetch(t, [`${host}/missing`]), answered(body));
  assert.deepEqual(await fetch(t, ['--fail', `${host}/missing`]), failed('the origin responded with status 404', body));
  assert.deepEqual(await fetch(t, ['-f', host]), answered('GET / - \n'));
});

test('fetch follows redirects with --location', async (t) => {
  const host = await mirror(t);
  assert.deepEqual(await fetch(t, [`${host}/moved`]), answered('GET /moved - \n'));
  assert.deepEqual(await fetch(t, ['--follow', `${host}/moved`]), answered('GET /there - \n'));
});

test("fetch --connect-host connects to that host in place of the URL's", async (t) => {
  const host = await origin(t, (request, response) => response.end(request.headers.host));
  assert.deepEqual(await fetch(t, ['--connect-host', host, 'http://holdfast.test/']), answered('holdfast.test'));
});

test('fetch --timeout bounds the whole request', async (t) => {
  const host = await origin(t, () => {});
  assert.deepEqual(
    await fetch(t, ['--timeout', '0.2', host]),
    failed('session-timeout: response incomplete at the timeout'),
  );
});

test('fetch verifies certificates unless --insecure is given', async (t) => {
  const server = createTlsServer({ cert: LOOPBACK_CERTIFICATE, key: LOOPBACK_KEY }, (_, response) =>
    response.end('tls'),
  );
  const url = `https://${await listening(t, server)}/`;
  const { code, stderr } = await fetch(t, [url]);
  assert.equal(code, 1);
  assert.match(stderr, /^error: tls-error: 127\.0\.0\.1:\d+: the certificate is self-signed\n$/);
  assert.deepEqual(await fetch(t, ['--insecure', url]), answered('tls'));
  const cwd = temporaryFolder(t, { 'ca.pem': LOOPBACK_CERTIFICATE });
  assert.deepEqual(await fetch(t, [url], { cwd, env: { SSL_CERT_FILE: 'ca.pem' } }), answered('tls'));
});

test('a failure shows its condition, with exit code 1', async (t) => {
  const refused = await fetch(t, ['http://127.0.0.1:1/']);
  assert.deepEqual([refused.code, refused.stdout], [1, '']);
  assert.match(refused.stderr, /^error: remote-connection-failed: 127\.0\.0\.1:1: connection refused\n$/);
  assert.deepEqual(await fetch(t, ['http://a b/']), failed('bad-request: invalid character in the host of the URI'));
});

test('fetch --config applies the rules of a file', async (t) => {
  const host = await mirror(t);
  const cwd = temporaryFolder(t, {
    'strict.toml': '',
    'open.toml': '[fetch]\nallow = ["127.0.0.1"]\n',
    'bad.toml': '[fetch]\ndeny = ["1/99"]\n',
  });
  const by = (file: string) => fetch(t, ['--config', file, host], { cwd });
  assert.deepEqual(
    await by('strict.toml'),
    failed('policy-violation: 127.0.0.1: internal: loopback (127.0.0.0/8, RFC 1122)'),
  );
  assert.deepEqual(await by('open.toml'), answered('GET / - \n'));
  assert.match((await by('bad.toml')).stderr, /^bad\.toml:2: fetch\.deny\[0\]: [^\n]*1\/99[^\n]*\n$/);
});

test('fetch --verbose shows the packets on standard error, and leaves nothing behind', async (t) => {
  const host = await mirror(t);
  const folder = temporaryFolder(t);
  const { stdout, stderr } = await fetch(t, ['-v', host], { env: { TMPDIR: folder } });
  assert.equal(stdout, 'GET / - \n');
  const lines = stderr.trim().split('\n');
  assert.match(
    lines[0] ?? '',
    /^> data from=holdfast-[0-9a-f]{12} id=([0-9a-f]{12}) seq=0 .*method=GET uri=http:.* stream$/,
  );
  assert.match(lines[1] ?? '', /^< keep-alive from=holdfast id=[0-9a-f]{12} seq=0/);
  assert.match(lines.at(-1) ?? '', /^< data .*seq=\d+ code=200 .*body=\(9 bytes\) "GET/);
  assert.deepEqual(readdirSync(folder), []);
});

test('fetch uses a running server, in either mode', async (t) => {
  const host = await mirror(t);
  const fetcher = await startFetch(t, ['allow = ["127.0.0.1"]']);
  const base = fetcher.endpoints.in.slice(0, -'-in'.length);
  assert.deepEqual(await fetch(t, ['--stream', base, host]), answered('GET / - \n'));
  assert.deepEqual(await fetch(t, ['--endpoint', fetcher.endpoints.req, '-d', 'x', host]), answered('POST / - x\n'));
  const three = `${fetcher.endpoints.in} ${fetcher.endpoints.inStream} ${fetcher.endpoints.out}`;
  assert.deepEqual(await fetch(t, ['--stream', three, '-d', '@-', host], { input: 'y' }), answered('POST / - y\n'));
  assert.deepEqual(
    await fetch(t, ['--endpoint', fetcher.endpoints.req, 'http://127.0.0.2:1/']),
    failed('policy-violation'),
  );
  await stopFetcher(fetcher);
});

test('a large body passes fetch in both directions as fast as it is taken', async (t) => {
  const host = await origin(t, (request, response) => request.pipe(response));
  const input = Buffer.alloc(5_000_000, 'holdfast ');
  const { code, stdout, stderr } = await fetch(t, ['-d', '@-', host], { input });
  assert.deepEqual([code, stderr], [0, '']);
  assert.ok(stdout === input.toString(), `${stdout.length} bytes came back`);
});

test('a response that is not read to its end leaves nothing behind', async (t) => {
  const host = await origin(t, (_, response) => response.end(Buffer.alloc(5_000_000)));
  const folder = temporaryFolder(t);
  const script = ['-c', '"$@" | head -c 1', 'sh', process.execPath, LAUNCHER, 'fetch', host];
  const { stdout, stderr } = await new Program(t, 'sh', script, { env: { TMPDIR: folder } }).ended;
  assert.deepEqual([stdout, stderr, readdirSync(folder)], ['\0', '', []]);
});

test('an interrupt withdraws the request', async (t) => {
  const server = createServer();
  const host = await listening(t, server);
  const program = startHoldfast(t, ['fetch', host]);
  const [, response] = await once(server, 'request');
  const closed = once(response, 'close');
  program.kill('SIGINT');
  assert.deepEqual(await program.ended, failed('interrupted'));
  await closed;
});

test('an interrupt ends the waiting for a response in req mode', async (t) => {
  const server = createServer();
  const host = await listening(t, server);
  const fetcher = await startFetch(t, ['allow = ["127.0.0.1"]']);
  const program = startHoldfast(t, ['fetch', '--endpoint', fetcher.endpoints.req, host]);
  await once(server, 'request');
  program.kill('SIGINT');
  assert.deepEqual(await program.ended, failed('interrupted'));
});

test('messages of a WebSocket are written as lines, and lines are sent as messages', async (t) => {
  const host = await webSocketOrigin(t, (socket) => {
    socket.on('message', (message) => {
      socket.send(`echo ${message}`);
      if (String(message) === 'bye') socket.close(1000);
    });
    socket.send('welcome');
  });
  assert.deepEqual(
    await fetch(t, [`ws://${host}/`], { input: 'hello\nbye\n' }),
    answered('welcome\necho hello\necho bye\n'),
  );
  const { code, stderr } = await fetch(t, ['--linger', '0.1', `ws://${host}/`], { input: 'hello\n' });
  assert.deepEqual([code, stderr], [0, '']);
});

test('a WebSocket that is refused or closed with an error is a failure', async (t) => {
  const host = await webSocketOrigin(t, (socket) => socket.close(1011, 'sorry'));
  assert.deepEqual(
    await fetch(t, [`ws://${host}/refused`]),
    failed('rejected: the origin responded with 403 Forbidden', 'no'),
  );
  assert.deepEqual(await fetch(t, [`ws://${host}/`]), failed('closed with 1011 sorry'));
});

test("check --url explains the policy's decision for a URL", async (t) => {
  const cwd = temporaryFolder(t, { 'holdfast.toml': '[fetch]\ndeny = ["*.example"]\nallow = ["127.0.0.0/8"]\n' });
  const check = (url: string) => holdfast(t, ['check', '--url', url], { cwd });
  assert.deepEqual(
    await check('http://127.0.0.1:8000/'),
    answered(
      [
        'http, host 127.0.0.1, port 8000, without TLS',
        'name 127.0.0.1: allowed: rule "127.0.0.0/8" of allow overrides internal: loopback (127.0.0.0/8, RFC 1122)',
        'address 127.0.0.1: allowed: rule "127.0.0.0/8" of allow overrides internal: loopback (127.0.0.0/8, RFC 1122)',
        'allowed: 1 of 1 addresses\n',
      ].join('\n'),
    ),
  );
  const denied = await check('https://a.example./');
  assert.deepEqual([denied.code, denied.stderr], [1, '']);
  assert.match(denied.stdout, /^name a\.example: denied: rule "\*\.example" of deny\ndenied: policy-violation\n$/m);
  assert.match((await check('https://169.254.169.254/')).stdout, /^name .*: denied: internal: link-local/m);
  assert.match((await check('gopher://a/')).stderr, /^error: bad-request: /);
});

test('check reports an invalid policy', async (t) => {
  const toml = 'server.listen = []\n[fetch]\nreq = ["ipc://r"]\nallow = ["a", "10.0.0.0/40"]\n';
  const { code, stdout, stderr } = await holdfast(t, ['check'], { cwd: temporaryFolder(t, { 'holdfast.toml': toml }) });
  assert.deepEqual([code, stdout], [1, '']);
  assert.match(stderr, /^holdfast\.toml:4: fetch\.allow\[1\]: [^\n]*10\.0\.0\.0\/40/);
});

const ZURL_CONF = '[General]\ninstance_id=z\nin_req_spec=ipc://r\ndeny=127/8,*.local\nwhat=1\n';

test('check --zurl-config prints a zurl.conf as our own configuration, and checks URLs with it', async (t) => {
  const cwd = temporaryFolder(t, { 'zurl.conf': ZURL_CONF });
  const { code, stdout, stderr } = await holdfast(t, ['check', '--zurl-config', 'zurl.conf'], { cwd });
  assert.deepEqual([code, stderr], [0, 'zurl.conf:5: what: unknown key, ignored\n']);
  assert.deepEqual(loadConfig(stdout, 'f'), parseZurlConf(ZURL_CONF, 'z').config);
  const judged = await holdfast(t, ['check', '--zurl-config', 'zurl.conf', '--url', 'http://127.0.0.1/'], { cwd });
  assert.equal(judged.code, 1);
  assert.match(judged.stdout, /denied: rule "127\/8" of deny/);
});

test('zurl follows the rules of its file, and ignore-policies', async (t) => {
  const host = await mirror(t);
  const fetcher = await startZurl(t, ['deny=127.0.0.2', 'timeout=5', 'unheard_of=1']);
  const { endpoints, program } = fetcher;
  assert.deepEqual((await program.logged('ignored in the configuration: unknown key')).key, 'unheard_of');
  assert.deepEqual(await fetch(t, ['--endpoint', endpoints.req, host]), answered('GET / - \n'));
  const other = host.replace('127.0.0.1', '127.0.0.2');
  assert.deepEqual(await fetch(t, ['--endpoint', endpoints.req, other]), failed('policy-violation'));
  assert.equal(
    (await askOver(t, endpoints.req, { uri: `http://${other}/`, ignorePolicies: true })).condition,
    'remote-connection-failed',
  );
  await stopFetcher(fetcher);
});

test('zurl has a random address if the file gives none, and endpoints with the permissions of the file', async (t) => {
  const folder = temporaryFolder(t, {});
  const conf = `in_req_spec=ipc://${folder}/req\nin_spec=ipc://${folder}/in\nin_stream_spec=ipc://${folder}/in-stream\nout_spec=ipc://${folder}/out\nipc_file_mode=600\n`;
  const cwd = temporaryFolder(t, { 'zurl.conf': conf });
  const program = startHoldfast(t, ['zurl', '--config=zurl.conf'], { cwd });
  await program.logged('started');
  for (const name of ['req', 'in', 'in-stream', 'out']) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600);
  const three = `ipc://${folder}/in ipc://${folder}/in-stream ipc://${folder}/out`;
  const { stderr } = await fetch(t, ['-v', '--stream', three, 'http://127.0.0.1:1/']);
  assert.match(stderr, /^< keep-alive from=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12} /m);
  assert.equal((await program.stop()).code, 0);
});

test('zurl writes its log to a file, which SIGHUP reopens', async (t) => {
  const cwd = temporaryFolder(t, { 'zurl.conf': 'in_req_spec=ipc://req\n' });
  const program = startHoldfast(t, ['zurl', '--config=zurl.conf', '--logfile=log', '--verbose'], { cwd });
  const messages = (file: string) => {
    const path = join(cwd, file);
    return existsSync(path)
      ? readFileSync(path, 'utf8')
          .split('\n')
          .filter(Boolean)
          .map((line) => JSON.parse(line).msg)
      : [];
  };
  await until(cwd, () => messages('log').includes('started'));
  renameSync(join(cwd, 'log'), join(cwd, 'log.1'));
  program.kill('SIGHUP');
  await until(cwd, () => messages('log').includes('log file reopened'));
  const { code, stdout, stderr } = await program.stop();
  assert.deepEqual([code, stdout, stderr], [0, '', '']);
  assert.equal(messages('log').at(-1), 'stopped');
  assert.ok(!messages('log.1').includes('stopped'));
});

for (const [option, levels] of [
  ['--loglevel=3', ['info', 'debug']],
  ['--loglevel=9', ['info', 'debug']],
  ['--loglevel=2', ['info']],
  ['--loglevel=1', []],
] as const) {
  test(`zurl ${option} logs ${levels.length === 0 ? 'nothing in normal operation' : levels.join(' and ')}`, async (t) => {
    const host = await mirror(t);
    const cwd = temporaryFolder(t, { 'zurl.conf': 'in_req_spec=ipc://req\n' });
    const program = startHoldfast(t, ['zurl', '--config', 'zurl.conf', option], { cwd });
    assert.deepEqual(await fetch(t, ['--endpoint', `ipc://${cwd}/req`, host]), answered('GET / - \n'));
    assert.equal((await program.stop()).code, 0);
    assert.deepEqual([...new Set(program.log().map(({ level }) => level))].sort(), [...levels].sort());
  });
}

for (const [conf, message] of [
  ['in_spec=ipc://a\n', /^zurl\.conf: in_stream_spec and out_spec: missing: /],
  ['in_req_spec=ipc://a\ndefpolicy=maybe\n', /^zurl\.conf:2: defpolicy: expected "allow" or "deny", got "maybe"\n$/],
  ['in_req_spec=ipc://none/a\n', /^error: ipc:\/\/none\/a: /],
  ['in_req_spec=ipc://a\ndeny=10\\/8,1/99\n', /^zurl\.conf:2: deny\[1\]: .*1\/99/],
] as const) {
  test(`zurl does not start with ${JSON.stringify(conf)}, and ends with 1`, async (t) => {
    const cwd = temporaryFolder(t, { 'zurl.conf': conf });
    const { code, stderr } = await holdfast(t, ['zurl', '--config=zurl.conf', '--loglevel=0'], { cwd });
    assert.equal(code, 1);
    assert.match(stderr, message);
  });
}

test('zurl without its file, with an unknown log level, or with a log that cannot be written, ends with 1', async (t) => {
  const cwd = temporaryFolder(t, { 'zurl.conf': 'in_req_spec=ipc://a\n' });
  const zurl = (...args: string[]) => holdfast(t, ['zurl', ...args], { cwd });
  assert.match(
    (await zurl('--config=none.conf')).stderr,
    /^error: cannot read the configuration none.conf: no such file or directory/,
  );
  assert.match(
    (await zurl('--config=zurl.conf', '--loglevel=x')).stderr,
    /^error: --loglevel: expected a whole number/,
  );
  const { code, stderr } = await zurl('--config=zurl.conf', '--logfile=none/log');
  assert.equal(code, 1);
  assert.match(stderr, /^error: cannot write the log: ENOENT/);
});

test("condure's client mode makes requests in both modes, and opens no client port", async (t) => {
  const host = await mirror(t);
  const fetcher = await startCondureClient(t);
  const { endpoints, program } = fetcher;
  const { edge, clients, fetch: endpointsTold } = await program.logged('started');
  assert.deepEqual([edge, clients], [[], []]);
  assert.equal((endpointsTold as string[]).length, 4);
  const base = endpoints.in.slice(0, -'-in'.length);
  assert.deepEqual(await fetch(t, ['--stream', base, host]), answered('GET / - \n'));
  assert.deepEqual(await fetch(t, ['--endpoint', endpoints.req, '-d', 'x', host]), answered('POST / - x\n'));
  await stopFetcher(fetcher);
});

test("condure's options bound its outbound requests", async (t) => {
  const host = await origin(t, (request, response) => {
    if (request.url === '/large') response.end(Buffer.alloc(1001));
    if (request.url === '/coding') response.end(String(request.headers['accept-encoding']));
  });
  const fetcher = await startCondureClient(t, [
    '--req-timeout',
    '0.3',
    '--body-buffer-size',
    '1000',
    '--deny-out-internal',
  ]);
  const ask = (path: string, ignorePolicies = true) =>
    askOver(t, fetcher.endpoints.req, { uri: `http://${host}${path}`, ignorePolicies });
  assert.equal((await ask('/coding', false)).condition, 'policy-violation');
  assert.equal((await ask('/coding')).body.toString(), 'undefined');
  assert.equal((await ask('/silent')).condition, 'connection-timeout');
  assert.equal((await ask('/large')).type, 'error');
  await stopFetcher(fetcher);
});

test('condure --zserver-connect connects to bound endpoints, beside the edge', async (t) => {
  const host = await mirror(t);
  const folder = temporaryFolder(t);
  const endpoint = `ipc://${folder}/req`;
  const dealer = new Dealer({ linger: 0 });
  t.after(() => dealer.close());
  await dealer.bind(endpoint);
  const options = ['--zserver-req', endpoint, '--zserver-connect', '--listen', '127.0.0.1:0'];
  const program = startHoldfast(t, ['condure', ...options], { cwd: folder });
  const { edge } = await program.logged('started');
  assert.equal((edge as string[]).length, 1);
  const packet = Object.assign(new RequestPacket(), {
    ids: [{ id: 'a', seq: null }],
    method: 'GET',
    uri: `http://${host}/`,
  });
  await dealer.send(['', encodeRequestPacket(packet)]);
  const [, answer] = await dealer.receive();
  assert.equal(parseResponsePacket(answer as Buffer).body.toString(), 'GET / - \n');
  assert.equal((await program.stop()).code, 0);
});

/** Waits until something holds that depends on the files of a folder. */
async function until(folder: string, holds: () => boolean): Promise<void> {
  const watcher = watch(folder);
  try {
    while (!holds()) await once(watcher, 'change');
  } finally {
    watcher.close();
  }
}

/** Asks in req mode for what the command line has no option for. */
async function askOver(t: TestContext, endpoint: string, fields: Partial<RequestPacket>) {
  const dealer = new Dealer({ linger: 0 });
  t.after(() => dealer.close());
  dealer.connect(endpoint);
  const packet = Object.assign(new RequestPacket(), { ids: [{ id: 'a', seq: null }], method: 'GET', ...fields });
  await dealer.send(['', encodeRequestPacket(packet)]);
  const [, answer] = await dealer.receive();
  return parseResponsePacket(answer as Buffer);
}
