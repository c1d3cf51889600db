import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { NO_RESPONDER, type Requester, type RequestHead, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { framedHead } from '../../../src/zhttp-server/framed-head.ts';
import { ServiceTarget } from '../../../src/zhttp-server/service-target.ts';
import { type PacketFields, ServerRig } from '../../support/zhttp/server-rig.ts';

/** The head that a service gets of a packet, or the status that its client gets instead. */
function headOf(fields: Partial<RequestPacket>): RequestHead | number {
  const seen: RequestHead[] = [];
  const service = (request: RequestHead) => {
    seen.push(request);
    return NO_RESPONDER;
  };
  const target = new ServiceTarget({ service, webSocketService: service });
  let status = 0;
  const requester = {
    onResponse: (head: { status: number }) => {
      status = head.status;
    },
    onResponseData: () => {},
  } as unknown as Requester;
  const packet = Object.assign(new RequestPacket(), { method: 'GET', uri: 'http://a.example/', ...fields });
  target.request({ id: '1', packet, bodyLength: 0, credits: 10, record: null }, requester);
  return seen[0] ?? status;
}

for (const [uri, method, scheme, authority, target] of [
  ['http://a.example:80/p?q', 'GET', 'http', 'a.example:80', '/p?q'],
  ['HTTPS://[::1]:8/', 'GET', 'https', '[::1]:8', '/'],
  ['wss://a.example', '', 'wss', 'a.example', '/'],
  ['http://a.example?q', 'GET', 'http', 'a.example', '/?q'],
  ['http://a.example', 'OPTIONS', 'http', 'a.example', '*'],
  ['http://a.example*', 'OPTIONS', 'http', 'a.example', '*'],
] as const) {
  test(`${method} ${uri} has the target ${target}`, () => {
    const head = headOf({ uri, method }) as RequestHead;
    assert.deepEqual([head.scheme, head.authority, head.target], [scheme, authority, target]);
    assert.equal(head.method, method === '' ? 'GET' : method);
  });
}

for (const [what, fields] of [
  ['a host with a password', { uri: 'http://a:b@c/' }],
  ['a host with a space', { uri: 'http://a b/' }],
  ['a host with a line end', { uri: 'http://a\r\nX: y/' }],
  ['a target with a space', { uri: 'http://a/b c' }],
  ['a target with a line end', { uri: 'http://a/b\r\nX:' }],
  ['a fragment', { uri: 'http://a/b#c' }],
  ['an invalid method', { method: 'GET /x HTTP/1.1\r\n' }],
  ['CONNECT', { method: 'CONNECT' }],
  ['an invalid header name', { headers: ['a b', 'c'] }],
  ['an invalid header value', { headers: ['a', 'c\r\nd: e'] }],
] as const) {
  test(`a request with ${what} gets a 400`, () => {
    assert.equal(headOf(fields as Partial<RequestPacket>), 400);
  });
}

test('the peer of a request is that of the client, if it is an address', () => {
  const { peer } = headOf({ peerAddress: '::1', peerPort: 5 }) as RequestHead;
  assert.deepEqual(peer, { address: '::1', port: 5 });
  const other = headOf({ peerAddress: '1.2.3.4\r\nX: y', peerPort: 5 }) as RequestHead;
  assert.equal(other.peer.address, '');
});

for (const [what, method, status, headers, bodyLength, expected] of [
  ['a body of known length', 'GET', 200, ['A', 'b', 'Content-Length', '9'], 5, ['A', 'b', 'Content-Length', '5']],
  ['a body of unknown length', 'GET', 200, ['Content-Length', '9'], UNKNOWN_LENGTH, []],
  [
    'fields of the connection',
    'GET',
    200,
    ['Connection', 'close', 'Keep-Alive', '5', 'Transfer-Encoding', 'x'],
    0,
    ['Content-Length', '0'],
  ],
  ['a response to HEAD', 'HEAD', 200, ['Content-Length', '9'], 0, ['Content-Length', '9']],
  ['a response to HEAD from the hub', 'HEAD', 200, [], 5, ['Content-Length', '5']],
  ['a 304', 'GET', 304, ['Content-Length', '9'], 0, ['Content-Length', '9']],
  ['a 204', 'GET', 204, ['Content-Length', '9'], 0, []],
] as const) {
  test(`the head of ${what} says how long the body is`, () => {
    assert.deepEqual(framedHead({ status, reason: '', headers, bodyLength }, method).headers, expected);
  });
}

/** Sends a request with a body of 5 bytes, of which `first` are in its first packet, and then `rest`. */
function upload(first: string, rest: string, more: boolean): ServerRig {
  const rig = new ServerRig();
  const fields: PacketFields = { method: 'POST', more: true, headers: ['Content-Length', '5'], body: first };
  rig.stream(fields);
  if (rest !== '' || !more) rig.follow({ body: rest, more });
  return rig;
}

for (const [first, rest, more] of [
  ['123456', '', true],
  ['12', '3456', true],
  ['12', '34', false],
] as const) {
  test(`a body of ${first}${rest}${more ? '…' : ''} that should have 5 bytes fails`, (t) => {
    const rig = upload(first, rest, more);
    t.after(() => rig.engine.stop());
    assert.equal(rig.counters.sessionsFailed, 1);
  });
}
