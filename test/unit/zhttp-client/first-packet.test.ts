import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { RequestPacket } from '../../../src/codec/zhttp/index.ts';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import type { RequestFields } from '../../support/exchange/request-head.ts';
import { edgeRig } from '../../support/zhttp/edge-rig.ts';

/** The packet that a request is turned into. */
function packetOf(t: TestContext, fields: RequestFields): RequestPacket {
  const rig = edgeRig(t);
  rig.request(fields);
  return rig.link.offered[0] as RequestPacket;
}

test('the first packet of a request has the fields that Condure sends, in its order', (t) => {
  const rig = edgeRig(t, { idPrefix: '0' });
  rig.request({ authority: 'ex.com', target: '/a?b=c', headers: ['Host', 'ex.com', 'X-Foo', 'Bar'] });
  assert.equal(
    rig.link.offeredBytes[0]?.toString('latin1'),
    'T237:4:from,2:c1,2:id,5:0-0-0,3:seq,1:0#3:ext,15:5:multi,4:true!}6:method,3:GET,3:uri,19:http://ex.com/a?b=c,' +
      '7:headers,38:16:4:Host,6:ex.com,]14:5:X-Foo,3:Bar,]]7:credits,4:8192#6:stream,4:true!' +
      '12:peer-address,9:127.0.0.1,9:peer-port,5:57416#}',
  );
});

test('the first packet of a WebSocket has no stream, but credits', (t) => {
  const rig = edgeRig(t, { idPrefix: '1' });
  const headers = ['Host', 'a', 'Upgrade', 'websocket', 'Sec-WebSocket-Key', 'x'];
  rig.webSocket({ authority: 'a', target: '/ws', headers, peer: { address: '127.0.0.1', port: 53_878 } });
  assert.equal(
    rig.link.offeredBytes[0]?.toString('latin1'),
    'T242:4:from,2:c1,2:id,5:1-0-0,3:seq,1:0#3:ext,15:5:multi,4:true!}6:method,3:GET,3:uri,9:ws://a/ws,' +
      '7:headers,70:11:4:Host,1:a,]22:7:Upgrade,9:websocket,]25:17:Sec-WebSocket-Key,1:x,]]' +
      '7:credits,4:8192#12:peer-address,9:127.0.0.1,9:peer-port,5:53878#}',
  );
});

test('a request without a host is for localhost', (t) => {
  assert.equal(packetOf(t, { authority: '', version: '1.0', headers: [] }).uri, 'http://localhost/');
});

test('the asterisk of OPTIONS is not a path', (t) => {
  const { method, uri } = packetOf(t, { method: 'OPTIONS', target: '*' });
  assert.deepEqual([method, uri], ['OPTIONS', 'http://example.com']);
});

test('the scheme shows whether the connection is encrypted', (t) => {
  const rig = edgeRig(t);
  rig.request({ scheme: 'https', authority: 'a:8443', target: '/x' });
  rig.webSocket({ scheme: 'wss', authority: 'a', target: '/y' });
  assert.deepEqual(
    rig.link.offered.map(({ uri }) => uri),
    ['https://a:8443/x', 'wss://a/y'],
  );
});

test('the client of a unix socket has neither address nor port', (t) => {
  const rig = edgeRig(t);
  rig.request({ peer: { address: '', port: 0 } });
  assert.doesNotMatch(rig.link.offeredBytes[0]?.toString('latin1') ?? '', /peer-/);
});

test('a body is announced by more, whether its length is known or not', (t) => {
  for (const [bodyLength, more] of [
    [0, false],
    [11, true],
    [UNKNOWN_LENGTH, true],
  ] as const) {
    assert.equal(packetOf(t, { method: 'POST', bodyLength }).more, more);
  }
});

test('handlers are asked to respond over the ROUTER socket only with router_resp', (t) => {
  for (const routerResp of [false, true]) {
    const rig = edgeRig(t, { routerResp });
    rig.request();
    rig.webSocket();
    assert.deepEqual(
      rig.link.offered.map((packet) => packet.routerResp),
      [routerResp, routerResp],
    );
  }
});
