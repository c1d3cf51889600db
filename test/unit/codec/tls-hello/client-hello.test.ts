import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { type TestContext, test } from 'node:test';
import { connect } from 'node:tls';
import { MAX_HELLO_BYTES, readClientHello } from '../../../../src/codec/tls-hello/index.ts';

/** The first bytes that Node's client sends. */
async function hello(t: TestContext, servername: string, ALPNProtocols: string[]): Promise<Buffer> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  const client = connect({ host: '127.0.0.1', port, servername, ALPNProtocols });
  client.on('error', () => {});
  const [socket] = await once(server, 'connection');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  t.after(() => {
    client.destroy();
    socket.destroy();
    server.close();
  });
  return bytes;
}

test('a ClientHello says which host and which protocols a client wants, wherever it is cut', async (t) => {
  const bytes = await hello(t, 'App.Example.com', ['acme-tls/1']);
  for (let length = 0; length < bytes.length; length++) assert.equal(readClientHello(bytes.subarray(0, length)), null);
  assert.deepEqual(readClientHello(bytes), { serverName: 'app.example.com', protocols: ['acme-tls/1'] });
  const more = Buffer.concat([bytes, Buffer.from([20, 3, 3, 0, 1, 1])]);
  assert.equal(readClientHello(more), undefined);
});

test('a ClientHello may be in several records', async (t) => {
  const bytes = await hello(t, 'a.example.com', ['http/1.1', 'h2']);
  const message = bytes.subarray(5);
  const records: Buffer[] = [];
  for (let at = 0; at < message.length; at += 7) {
    const part = message.subarray(at, at + 7);
    records.push(Buffer.from([22, 3, 1, 0, part.length]), part);
  }
  assert.deepEqual(readClientHello(Buffer.concat(records)), {
    serverName: 'a.example.com',
    protocols: ['http/1.1', 'h2'],
  });
});

test('what is no ClientHello is told at once, and one that is too long too', () => {
  for (const bytes of ['GET / HTTP/1.1\r\n', '\x16\x05\x01', '\x16\x03\x01\0\0', '\x16\x03\x01\0\x04\x02\0\0\0'])
    assert.equal(readClientHello(Buffer.from(bytes, 'latin1')), undefined);
  assert.equal(readClientHello(Buffer.from([22, 3, 1, 64, 0, 1, 1, 0, 0])), undefined);
  const endless = Buffer.alloc(MAX_HELLO_BYTES + 1);
  Buffer.from([22, 3, 1, 0xff, 0xff, 1, 0, 0x40, 0]).copy(endless);
  assert.equal(readClientHello(endless), undefined);
  assert.equal(readClientHello(Buffer.alloc(0)), null);
});

test('mutants of a ClientHello are read, or refused, and nothing else', async (t) => {
  const bytes = await hello(t, 'a.example.com', ['acme-tls/1']);
  for (let at = 5; at < bytes.length; at++) {
    for (const value of [0, 1, 127, 255]) {
      const mutant = Buffer.from(bytes);
      mutant[at] = value;
      const read = readClientHello(mutant);
      assert.ok(read === undefined || read === null || typeof read.serverName === 'string');
    }
  }
});
