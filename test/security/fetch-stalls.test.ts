import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ending, MODES, startOriginRig } from '../support/fetch/origin-rig.ts';
import { acceptWebSocket } from '../support/fetch/websocket-origin.ts';
import type { RawPeer } from '../support/raw-peer.ts';
import { startFullListener } from '../unit/net/full-listener.ts';

/** Sends what the next call gives, a little at a time, as long as the connection stands. */
function trickle(peer: RawPeer, next: () => string): void {
  const timer = setInterval(() => peer.write(next()), 20);
  peer.socket.on('close', () => clearInterval(timer));
}

const OK = 'HTTP/1.1 200 OK\r\n';

describe('an origin that stalls before its response leads to connection-timeout', () => {
  const LINES = ['connect_timeout = 0.3', 'response_timeout = 0.3'];

  test('before it accepts, and in the handshake of TLS', async (t) => {
    const rig = await startOriginRig(t, LINES);
    const full = await startFullListener(t, '127.0.0.1');
    const silent = await rig.scripted(() => {});
    const trickling = await rig.scripted((peer) => trickle(peer, () => '\x16'));
    const uris = [
      ...['http', 'https', 'ws', 'wss'].map((scheme) => `${scheme}://${full.host}:${full.port}/`),
      ...['https', 'wss'].flatMap((scheme) => [`${scheme}://${silent}/`]),
    ];
    const outcomes = await Promise.all(uris.map((uri) => rig.outcome('stream', { uri })));
    assert.deepEqual(outcomes, new Array(uris.length).fill('connection-timeout'));
    // What is no TLS is seen to be none at once.
    assert.equal(await rig.outcome('req', { uri: `https://${trickling}/` }), 'tls-error');
    assert.equal(await rig.outcome('req', { uri: `https://${silent}/` }), 'connection-timeout');
    await rig.stop();
  });

  test('before its head and within, a trickling one too', async (t) => {
    const rig = await startOriginRig(t, LINES);
    const silent = await rig.scripted(() => {});
    const begun = await rig.scripted((peer) => void peer.write('HTTP/1.1 200 OK\r\nX:'));
    const trickling = await rig.scripted((peer) => {
      peer.write(`${OK}X: `);
      trickle(peer, () => 'y');
    });
    const interim = await rig.scripted((peer) => trickle(peer, () => 'HTTP/1.1 103 Early Hints\r\nX: y\r\n'));
    for (const authority of [silent, begun, trickling, interim]) {
      const outcomes = await Promise.all([
        ...MODES.map((mode) => rig.outcome(mode, { uri: `http://${authority}/` })),
        rig.outcome('stream', { uri: `ws://${authority}/` }),
      ]);
      assert.deepEqual(outcomes, new Array(4).fill('connection-timeout'));
    }
    await rig.stop();
  });
});

describe('a stalled request leads to session-timeout', () => {
  test('whatever the origin owes', async (t) => {
    const rig = await startOriginRig(t, ['timeout = 0.3']);
    const silent = await rig.scripted(() => {});
    const begun = [OK, `${OK}Content-Length: 10\r\n\r\n`, `${OK}Content-Length: 10\r\n\r\nhalf`, `${OK}\r\nhalf`];
    const chunked = `${OK}Transfer-Encoding: chunked\r\n\r\n`;
    const stalling = await Promise.all(
      [...begun, chunked, `${chunked}5\r\nbe`, `${chunked}0\r\nX`].map((bytes) => rig.origin(bytes, true)),
    );
    const unread = await rig.scripted((peer) => void peer.socket.pause());
    const outcomes = await Promise.all([
      ...[silent, ...stalling].flatMap((authority) =>
        MODES.map((mode) => rig.outcome(mode, { uri: `http://${authority}/` })),
      ),
      rig.outcome('stream', { uri: `ws://${silent}/` }),
      rig.outcome('req', { method: 'POST', uri: `http://${unread}/`, body: Buffer.alloc(15_000_000) }),
    ]);
    assert.deepEqual(outcomes, new Array(3 * 8 + 2).fill('session-timeout'));
    await rig.stop();
  });

  test('and when the requester owes something and sends keep-alives', async (t) => {
    const rig = await startOriginRig(t, ['timeout = 0.3']);
    const full = await rig.origin(`${OK}Content-Length: 10\r\n\r\n0123456789`);
    const reading = await rig.scripted(() => {});
    const open = await rig.scripted((peer) => acceptWebSocket(peer));
    const webSocket = await rig.ask({ uri: `ws://${open}/` });
    assert.equal((await webSocket.next('data')).code, 101);
    const sessions = [
      await rig.ask({ uri: `http://${full}/`, credits: 5 }),
      await rig.ask({ method: 'POST', uri: `http://${reading}/`, more: true }),
      webSocket,
    ];
    await Promise.all(sessions.slice(0, 2).map((session) => session.nextAny()));
    for (const session of sessions) await session.send({ type: 'keep-alive' });
    assert.deepEqual(await Promise.all(sessions.map(ending)), new Array(3).fill('session-timeout'));
    await rig.stop();
  });

  test('but not one with any bytes', async (t) => {
    const rig = await startOriginRig(t, ['timeout = 0.3']);
    // Longer than the timeout, and than it takes to be found out.
    const bytes = 100;
    const authority = await rig.scripted((peer) => {
      let left = bytes;
      peer.write(`${OK}Content-Length: ${bytes}\r\n\r\n`);
      trickle(peer, () => (left-- > 0 ? 'x' : ''));
    });
    const outcomes = await Promise.all(MODES.map((mode) => rig.outcome(mode, { uri: `http://${authority}/` })));
    assert.deepEqual(outcomes, new Array(3).fill(`200 ${'x'.repeat(bytes)}`));
    await rig.stop();
  });
});

describe('a bound for the whole request applies whatever moves', () => {
  for (const [what, lines, fields] of [
    ['of the request', [], { timeout: 300 }],
    ['of the configuration', ['request_timeout = 0.3'], {}],
    ['of both the smaller', ['request_timeout = 0.3'], { timeout: 60_000 }],
  ] as const) {
    test(what, async (t) => {
      const rig = await startOriginRig(t, [...lines]);
      const silent = await rig.scripted(() => {});
      const trickling = await rig.scripted((peer) => {
        peer.write(`${OK}\r\n`);
        trickle(peer, () => 'x');
      });
      const outcomes = await Promise.all(
        [silent, trickling].flatMap((authority) =>
          MODES.map((mode) => rig.outcome(mode, { uri: `http://${authority}/`, ...fields })),
        ),
      );
      assert.deepEqual(outcomes, new Array(6).fill('session-timeout'));
      await rig.stop();
    });
  }
});

test('a peer that never closes its WebSocket is cut off', async (t) => {
  const rig = await startOriginRig(t, ['close_timeout = 0.3']);
  // An origin that answers no close.
  const deaf = await rig.scripted((peer) => acceptWebSocket(peer));
  const session = await rig.ask({ uri: `ws://${deaf}/` });
  await session.next('data');
  await session.send({ type: 'close', code: 1000 });
  assert.equal(await ending(session), 'connection-timeout');
  // One that closes, and a requester that does not answer it.
  const closing = await rig.scripted(async (peer) => {
    await acceptWebSocket(peer);
    peer.write(Buffer.from([0x88, 2, 0x03, 0xe8]));
  });
  const rude = await rig.ask({ uri: `ws://${closing}/` });
  await rude.next('data');
  assert.equal((await rude.next('close')).code, 1000);
  assert.equal(await ending(rude), 'session-timeout');
  await rig.stop();
});
