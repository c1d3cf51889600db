import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect } from 'node:net';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { freePorts } from '../support/free-ports.ts';
import { startOrigin } from '../support/origin.ts';
import { requirePeer } from '../support/peers.ts';
import { Program } from '../support/program.ts';
import { startApp } from '../support/running-app.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { openWs, startWsOrigin } from '../support/websocket/ws-peers.ts';

/** Starts nginx with these locations, and the file `file.txt`; returns its address. */
async function startNginx(t: TestContext, nginx: string, locations: string): Promise<string> {
  const [port = 0] = await freePorts(1);
  const folder = temporaryFolder(t, { 'file.txt': 'of nginx\n', 'page.txt': '<!--# echo var="uri" -->\n' });
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder};`);
  const conf = `
    daemon off; master_process off; pid ${folder}/pid; error_log stderr;
    events {}
    http {
      access_log off; keepalive_requests 1000; root ${folder}; ${temporary.join(' ')}
      server {
        listen 127.0.0.1:${port};
        add_header X-Requests $connection_requests always;
        ${locations}
      }
    }`;
  const cwd = temporaryFolder(t, { 'nginx.conf': conf });
  new Program(t, nginx, ['-p', cwd, '-e', 'stderr', '-c', `${cwd}/nginx.conf`], { cwd });
  for (let attempts = 0; attempts < 500; attempts++) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      socket.destroy();
      return `127.0.0.1:${port}`;
    } catch {
      await delay(20);
    }
  }
  throw new Error('nginx does not accept connections');
}

test('nginx as an origin: files, chunked responses, ranges, errors and kept connections', async (t) => {
  const nginx = requirePeer(t, 'nginx');
  if (nginx === null) return;
  const address = await startNginx(t, nginx, 'location = /page.txt { ssi on; ssi_types *; }');
  const app = await startApp(t, [`* ${address}`]);
  const file = await app.send({ path: '/file.txt' });
  assert.deepEqual([file.status, file.text, file.header('content-length')], [200, 'of nginx\n', '9']);
  assert.equal((await fetch(`http://${address}/page.txt`)).headers.get('transfer-encoding'), 'chunked');
  const page = await app.send({ path: '/page.txt' });
  assert.deepEqual([page.status, page.text], [200, '/page.txt\n']);
  const part = await app.send({ path: '/file.txt', headers: { Range: 'bytes=3-7' } });
  assert.deepEqual([part.status, part.text, part.header('content-range')], [206, 'nginx', 'bytes 3-7/9']);
  const same = await app.send({ path: '/file.txt', headers: { 'If-None-Match': file.header('etag') ?? '' } });
  assert.deepEqual([same.status, same.text], [304, '']);
  const none = await app.send({ path: '/none' });
  assert.equal(none.status, 404);
  assert.deepEqual(
    [file, page, part, same, none].map((response) => response.header('x-requests')),
    ['1', '2', '3', '4', '5'],
  );
});

test('nginx as an origin passes on the instructions of what is behind it, and WebSockets', async (t) => {
  const nginx = requirePeer(t, 'nginx');
  if (nginx === null) return;
  const behind = await startOrigin(t, (_request, response) => {
    response.writeHead(200, { 'Grip-Hold': 'stream', 'Grip-Channel': 'room' }).end('begin\n');
  });
  const websockets = await startWsOrigin(t);
  const address = await startNginx(
    t,
    nginx,
    `location / { proxy_pass http://${behind}; }
     location /ws { proxy_pass http://${websockets.address}; proxy_http_version 1.1;
       proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection upgrade; }`,
  );
  const app = await startApp(t, [`* ${address}`]);
  const stream = await app.stream();
  await stream.until('begin\n');
  await app.held();
  await app.post([{ channel: 'room', formats: { 'http-stream': { content: 'published\n' } } }]);
  await stream.until('published\n');
  const client = await openWs(t, `ws://${app.address}/ws`);
  const { peer } = await websockets.accept();
  client.send('hello');
  assert.equal(await peer.next(), 'text hello');
  peer.send('Grüße');
  assert.equal(await client.next(), 'text Grüße');
  client.socket.close(4001, 'bye');
  assert.equal(await peer.next(), 'close 4001 bye');
  assert.equal(await client.next(), 'close 4001 bye');
});
