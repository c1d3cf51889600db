import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode } from '../../../src/codec/tnetstring/index.ts';
import { textResponse } from '../../../src/exchange/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { startSite } from '../../support/mongrel2/site-rig.ts';

/** The fields of the next line: host, method, path, version, status and bytes. */
async function lineOf(lines: string[]): Promise<unknown[]> {
  while (lines.length === 0) await turn();
  const line = lines.shift() as string;
  const fields = decode(Buffer.from(line.slice(0, -1), 'latin1')) as unknown[];
  assert.equal(String(fields[1]), '127.0.0.1');
  const [host, , , , method, path, version, status, bytes] = fields.map((field) =>
    Buffer.isBuffer(field) ? String(field) : field,
  );
  return [host, method, path, version, status, bytes];
}

test('each request has a line, with the status and the length of its response', async (t) => {
  const accessLines: string[] = [];
  const handler = handlerOf();
  const routes = [
    { path: '/h', target: handler },
    { path: '@chat', target: handler },
    { path: '/files/', target: { kind: 'proxy' as const, host: 'x', port: 1 } },
  ];
  const rig = await startSite(t, {
    accessLines,
    routes,
    service: (_, requester) => {
      const { head, body } = textResponse(203, 'from a file');
      requester.onResponse(head);
      requester.onResponseData(body, false);
      return { onRequestData: () => {}, onRequestError: () => {}, onResponseCredit: () => {} };
    },
  });
  const process = await rig.handler();
  const { client, id } = await rig.ask(
    process,
    'POST /h?q=1 HTTP/1.1\r\nHost: Site.test:80\r\nContent-Length: 2\r\n\r\nhi',
  );
  process.answer(id, 'HTTP/1.1 418 Teapot\r\nContent-Length: 5\r\n\r\nshort');
  assert.deepEqual(await lineOf(accessLines), ['site.test', 'POST', '/h', 'HTTP/1.1', 418, 5]);
  await client.takeResponse();
  await client.request('GET /files/x HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.deepEqual(await lineOf(accessLines), ['localhost', 'GET', '/files/x', 'HTTP/1.1', 203, 12]);
  client.write('GET /none HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.deepEqual(await lineOf(accessLines), ['localhost', 'GET', '/none', 'HTTP/1.1', 404, 9]);
  const large = await rig.connect();
  await large.request('POST /h HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999\r\n\r\n');
  assert.deepEqual(await lineOf(accessLines), ['localhost', 'POST', '/h', 'HTTP/1.1', 413, 17]);
  const json = await rig.connect();
  json.write('@chat {}\0');
  assert.deepEqual(await lineOf(accessLines), ['', 'JSON', '@chat', '', 200, 2]);
  json.write('@other {}\0');
  assert.deepEqual(await lineOf(accessLines), ['', 'JSON', '@other', '', 404, 9]);
});

test('a client that leaves without a response has the status 0', async (t) => {
  const accessLines: string[] = [];
  const rig = await startSite(t, { accessLines });
  const handler = await rig.handler();
  const { client } = await rig.ask(handler);
  client.reset();
  assert.deepEqual(await lineOf(accessLines), ['localhost', 'GET', '/h', 'HTTP/1.1', 0, 0]);
});
