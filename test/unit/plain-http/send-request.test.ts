import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { join } from 'node:path';
import { test } from 'node:test';
import { beginningOf, sendRequest, withoutControls } from '../../../src/plain-http/index.ts';
import { startOrigin } from '../../support/origin.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('a request has its method, fields and body, and its response a head and the beginning of a body', async (t) => {
  const address = await startOrigin(t, async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    response.statusCode = 302;
    response.setHeader('Location', '/elsewhere');
    response.end(`${request.method} ${request.url} ${request.headers['x-a']} ${Buffer.concat(chunks)}`);
  });
  let connections = 0;
  const body = Buffer.from('body');
  const onConnected = (): void => void connections++;
  const sent = { method: 'PUT', headers: { 'X-A': 'b', 'Content-Length': body.length }, body, onConnected };
  const response = await sendRequest(new URL(`http://${address}/p?q`), sent);
  assert.equal(response.statusCode, 302);
  assert.equal(String(await beginningOf(response, 100)), 'PUT /p?q b body');
  assert.equal(connections, 1);
});

test('a request goes over a unix socket', async (t) => {
  const socketPath = join(temporaryFolder(t), 'socket');
  const server = createServer((request, response) => response.end(request.headers.host)).listen(socketPath);
  t.after(() => server.close());
  await once(server, 'listening');
  const response = await sendRequest(new URL('http://localhost/'), { method: 'GET', headers: {}, socketPath });
  assert.equal(String(await beginningOf(response, 4)), 'loca');
});

test('a signal gives a request up, before its response and in the middle of it', async (t) => {
  for (const begins of [false, true]) {
    const address = await startOrigin(t, (_request, response) => {
      if (begins) response.write('x');
    });
    const controller = new AbortController();
    const sending = sendRequest(new URL(`http://${address}/`), {
      method: 'GET',
      headers: {},
      signal: controller.signal,
      onConnected: () => {
        if (!begins) controller.abort();
      },
    });
    if (!begins) await assert.rejects(sending, { name: 'AbortError' });
    else {
      const reading = beginningOf(await sending, 100);
      controller.abort();
      await assert.rejects(reading);
    }
  }
});

test('a body is read up to a bound, beyond which its connection is closed', async (t) => {
  const closed: Promise<unknown>[] = [];
  const address = await startOrigin(t, (_request, response) => {
    closed.push(once(response, 'close'));
    response.write('x'.repeat(1_000));
  });
  const response = await sendRequest(new URL(`http://${address}/`), { method: 'GET', headers: {} });
  assert.equal((await beginningOf(response, 10, 500)).length, 10);
  await Promise.all(closed);
});

test('control characters are left out, and line ends and tabs stay', () => {
  assert.equal(withoutControls(' \x1b[31mred\x07\n\tü\x85\r\n'), '[31mred\n\tü');
});
