import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fetchUrl, firstPacket, isWebSocket, uploadOf } from '../../../src/cli/fetch-packet.ts';
import { RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

test('a URL without a scheme has the scheme http', () => {
  for (const [text, url] of [
    ['localhost:8000/a', 'http://localhost:8000/a'],
    ['http://a', 'http://a'],
    ['HTTPS://a', 'HTTPS://a'],
    ['wss://a?b', 'wss://a?b'],
  ] as const) {
    assert.equal(fetchUrl(text), url);
  }
  assert.deepEqual(['ws://a', 'WSS://a', 'http://ws://a'].map(isWebSocket), [true, true, false]);
});

test('other schemes are refused', () => {
  assert.throws(() => fetchUrl('ftp://a'), {
    name: 'CliError',
    exitCode: 2,
    message: /^unsupported scheme "ftp": expected http, https, ws or wss$/,
  });
});

test('the options become the fields of the packet', () => {
  const packet = firstPacket('http://a/é', {
    request: 'PATCH',
    header: [
      ['X-A', 'é'],
      ['X-A', 'b'],
    ],
    follow: true,
    timeout: 1.5,
    insecure: true,
    connectHost: { host: '::1', port: 81 },
  });
  assert.deepEqual(
    packet,
    Object.assign(new RequestPacket(), {
      method: 'PATCH',
      // Packets have bytes, one in each character.
      uri: 'http://a/\xc3\xa9',
      headers: ['X-A', '\xc3\xa9', 'X-A', 'b'],
      credits: 262_144,
      followRedirects: true,
      timeout: 1500,
      ignoreTlsErrors: true,
      connectHost: '::1',
      connectPort: 81,
    }),
  );
});

test('missing options add no fields, and the method is GET, POST with data, or none for a WebSocket', () => {
  const plain = Object.assign(new RequestPacket(), { method: 'GET', uri: 'http://a', credits: 262_144 });
  assert.deepEqual(firstPacket('http://a', {}), plain);
  assert.equal(firstPacket('http://a', { data: '' }).method, 'POST');
  assert.equal(firstPacket('ws://a', { request: 'GET' }).method, '');
});

test('data is text, or the content of a file', async (t) => {
  assert.deepEqual(uploadOf('é'), { length: 2, chunks: [Buffer.from('é')] });
  const folder = temporaryFolder(t, { data: 'content' });
  const { length, chunks } = uploadOf(`@${folder}/data`);
  const read: Buffer[] = [];
  for await (const chunk of chunks) read.push(chunk);
  assert.deepEqual([length, Buffer.concat(read).toString()], [7, 'content']);
  assert.throws(() => uploadOf(`@${folder}/none`), {
    name: 'CliError',
    message: /^cannot read \/.*\/none: no such file or directory$/,
  });
});
