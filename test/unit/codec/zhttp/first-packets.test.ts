import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequestPacket, FirstPackets, RequestPacket } from '../../../../src/codec/zhttp/index.ts';

const PEERS = [
  { address: '127.0.0.1', port: 54_321 },
  { address: '::1', port: 9 },
  { address: '', port: 0 },
];
const HEADERS = [[], ['Host', 'example.com'], ['Host', 'b\xe9', 'Cookie', 'c'.repeat(3_000)]];

for (const credits of [0, 8_192]) {
  for (const stream of [false, true]) {
    for (const routerResp of [false, true]) {
      test(`first packets have the bytes of encodeRequestPacket: ${credits} credits, stream ${stream}, router-resp ${routerResp}`, () => {
        const packets = new FirstPackets({ from: 'edge', credits, stream, routerResp });
        for (let round = 0; round < 3; round++) {
          for (const peer of PEERS) {
            for (const headers of HEADERS) {
              for (const more of [false, true]) {
                const packet = Object.assign(new RequestPacket(), {
                  from: 'edge',
                  ids: [{ id: `x-${round}`, seq: 0 }],
                  multi: true,
                  method: 'GET',
                  uri: 'http://example.com/\xe9',
                  headers,
                  credits,
                  more,
                  stream,
                  routerResp,
                  peerAddress: peer.address,
                  peerPort: peer.port,
                });
                const text = packets.encode(`x-${round}`, 'GET', packet.uri, headers, peer, more);
                assert.equal(text, encodeRequestPacket(packet).toString('latin1'));
              }
            }
          }
        }
      });
    }
  }
}

test('a packet of req mode has a body, and neither an address nor a number', () => {
  const packets = new FirstPackets({ from: '', credits: 0, stream: false, routerResp: false });
  for (const peer of PEERS) {
    for (const headers of HEADERS) {
      for (const body of [Buffer.alloc(0), Buffer.from([0, 1, 0xff]), Buffer.alloc(100_000, 'x')]) {
        const packet = Object.assign(new RequestPacket(), {
          ids: [{ id: 'x', seq: null }],
          multi: true,
          method: 'POST',
          uri: 'http://example.com/\xe9',
          headers,
          body,
          peerAddress: peer.address,
          peerPort: peer.port,
        });
        const written = packets.encodeWhole('x', 'POST', packet.uri, headers, peer, body);
        assert.equal(typeof written, body.length === 0 ? 'string' : 'object');
        assert.deepEqual(Buffer.from(written as string, 'latin1'), encodeRequestPacket(packet));
      }
    }
  }
});

test('two peers that share a slot are distinguished', () => {
  const packets = new FirstPackets({ from: 'edge', credits: 1, stream: true, routerResp: false });
  const [one, two] = [
    { address: '127.0.0.1', port: 1_000 },
    { address: '127.0.0.2', port: 1_256 },
  ];
  for (const peer of [one, two, one]) {
    assert.ok(packets.encode('i', 'GET', 'u', [], peer, false).includes(`${peer.address},9:peer-port,4:${peer.port}#`));
  }
});
