import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  HandlerMessages,
  type HandlerRequest,
  type HeaderProtocol,
  parseHandlerMessage,
  UPLOAD_DONE,
  UPLOAD_START,
} from '../../../../src/codec/mongrel2/index.ts';

const PROTOCOLS: readonly HeaderProtocol[] = ['json', 'tnetstring'];

const REQUEST: HandlerRequest = {
  method: 'GET',
  target: '/a/b?c=d',
  scheme: 'http',
  version: '1.1',
  headers: ['Host', 'localhost', 'X-Forwarded-For', '10.0.0.1'],
  peer: { address: '127.0.0.1', port: 4_000 },
};

function messagesOf(protocol: HeaderProtocol, keepForwardedFor = false): HandlerMessages {
  return new HandlerMessages({ ident: 'server-1', protocol, keepForwardedFor });
}

/** A message as a handler reads it, with its headers as an object. */
function read(message: Buffer | string) {
  const parsed = parseHandlerMessage(typeof message === 'string' ? Buffer.from(message, 'latin1') : message);
  return { ...parsed, headers: Object.fromEntries(parsed.headers), body: parsed.body.toString('latin1') };
}

for (const protocol of PROTOCOLS) {
  describe(`headers as ${protocol}`, () => {
    const messages = messagesOf(protocol);
    const pattern = messages.pattern('/a(.*)');

    test('a request has the headers of the client in lower case, and those of the server', () => {
      assert.deepEqual(read(messages.request(5, REQUEST, pattern)), {
        uuid: 'server-1',
        id: 5,
        path: '/a/b',
        headers: {
          PATH: '/a/b',
          'x-forwarded-for': '127.0.0.1',
          host: 'localhost',
          METHOD: 'GET',
          VERSION: 'HTTP/1.1',
          URI: '/a/b?c=d',
          QUERY: 'c=d',
          PATTERN: '/a(.*)',
          URL_SCHEME: 'http',
          REMOTE_ADDR: '127.0.0.1',
        },
        body: '',
      });
    });

    test('the fingerprint of a client certificate has the 42 digits that Mongrel2 prints', () => {
      const peer = { ...REQUEST.peer, certificateSha1: '0123456789ABCDEF0123456789ABCDEF01234567' };
      const { headers } = read(messages.request(5, { ...REQUEST, peer }, pattern));
      assert.equal(headers.PEER_CERT_SHA1, '0123456789ABCDEF0123456789ABCDEF0123456700');
    });

    test('the same request is the same message each time, whatever came between', () => {
      const others: HandlerRequest[] = [
        { ...REQUEST, method: 'PUT' },
        { ...REQUEST, target: '/a/c?c=d' },
        { ...REQUEST, version: '1.0' },
        { ...REQUEST, scheme: 'wss' },
        { ...REQUEST, headers: ['Host', 'elsewhere'] },
        { ...REQUEST, peer: { address: '127.0.0.2', port: 4_000 } },
        { ...REQUEST, target: `/${'x'.repeat(600)}` },
        { ...REQUEST, method: 'M'.repeat(40) },
      ];
      const first = messages.request(5, REQUEST, pattern);
      for (const other of others) {
        assert.equal(messages.request(5, REQUEST, pattern), first);
        const second = messages.request(6, other, pattern);
        assert.notEqual(second, first);
        assert.equal(messages.request(6, other, pattern), second);
        assert.equal(messages.request(6, other, pattern), second);
      }
      assert.equal(messages.request(5, REQUEST, pattern), first);
      assert.equal(messages.request(5, REQUEST, pattern), first);
    });

    test('names that only the server may set do not come from a client', () => {
      const forged = [UPLOAD_START, '/etc/passwd', 'X-Mongrel2-Upload-Done', '/etc/passwd', 'METHOD', 'PUT'];
      const { headers } = read(messages.request(5, { ...REQUEST, headers: forged }, pattern));
      assert.deepEqual([headers[UPLOAD_START], headers[UPLOAD_DONE]], [undefined, undefined]);
      assert.deepEqual([headers.METHOD, headers.method], ['GET', 'PUT']);
    });

    test('of the values of one name five are passed on, at the place of the first', () => {
      const fields = ['A', '1', 'B', 'x', 'a', '2', 'A', '3', 'a', '4', 'a', '5', 'A', '6'];
      const { headers } = read(messages.request(5, { ...REQUEST, headers: fields }, pattern));
      assert.deepEqual(headers.a, ['1', '2', '3', '4', '5']);
      const names = Object.keys(headers).filter((name) => name === 'a' || name === 'b');
      assert.deepEqual(names, ['a', 'b']);
    });

    test("the client's x-forwarded-for may stay; without one the peer is named", () => {
      const keeping = messagesOf(protocol, true);
      assert.equal(read(keeping.request(5, REQUEST, pattern)).headers['x-forwarded-for'], '10.0.0.1');
      const bare = { ...REQUEST, headers: [] };
      assert.equal(read(keeping.request(5, bare, pattern)).headers['x-forwarded-for'], '127.0.0.1');
    });

    test('a message may have further headers, a body and another method', () => {
      for (const length of [1, 1_023, 1_024, 100_000]) {
        const body = Buffer.alloc(length, '\xff\x00,', 'latin1');
        const extra = messages.extra('FLAGS', '0x81') + messages.extra(UPLOAD_START, '/tmp/"é');
        const found = read(messages.request(5, REQUEST, pattern, extra, body, 'WEBSOCKET'));
        assert.equal(found.headers.METHOD, 'WEBSOCKET');
        assert.equal(found.headers.FLAGS, '0x81');
        assert.equal(found.headers[UPLOAD_START], '/tmp/"é');
        assert.equal(found.body, body.toString('latin1'));
      }
    });

    test('a part of an upload has its path and what it is told', () => {
      const extra = messages.extra('UPLOAD_STREAM', '4096') + messages.extra('UPLOAD_STREAM_DONE', '1');
      const found = read(messages.uploadPart(5, '/a', extra, Buffer.from('part')));
      assert.deepEqual(found.headers, { PATH: '/a', UPLOAD_STREAM: '4096', UPLOAD_STREAM_DONE: '1' });
      assert.deepEqual([found.path, found.body], ['/a', 'part']);
    });

    test('a message of a socket has its route and its method', () => {
      const message = messages.socketMessage(5, 'JSON', '@chat', messages.pattern('@chat'), '::1', Buffer.from('{}'));
      const { path, headers, body } = read(message);
      assert.deepEqual([path, body], ['@chat', '{}']);
      assert.deepEqual(headers, {
        PATH: '@chat',
        'x-forwarded-for': '::1',
        METHOD: 'JSON',
        PATTERN: '@chat',
        REMOTE_ADDR: '::1',
      });
    });

    test('a route is named in UTF-8', () => {
      const found = read(messages.request(5, REQUEST, messages.pattern('/é"\\')));
      assert.equal(found.headers.PATTERN, '/é"\\');
    });
  });
}
