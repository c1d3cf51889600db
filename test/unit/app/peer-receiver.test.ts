import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { PeerReceiver } from '../../../src/app/upgrade/peer-receiver.ts';
import type { ToOldProcess } from '../../../src/app/upgrade/upgrade-channel.ts';
import type { MovedPeer, NewProcessMessage } from '../../../src/app/upgrade/upgrade-messages.ts';
import type { SocketHandle } from '../../../src/server/index.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';

/** The new process with one bound socket; the test plays the old one, and has a peer to move. */
async function start(t: TestContext) {
  const zmq = new ZmqRig(t);
  const [old, next] = [zmq.router(), zmq.router()];
  const peer = zmq.dealer({ routingId: Buffer.from('a') });
  peer.socket.connect(await old.socket.bind('tcp://127.0.0.1:0'));
  await next.socket.bind('tcp://127.0.0.1:0');
  await zmq.connected(2);
  const sent: NewProcessMessage[] = [];
  const channel = { send: (message: NewProcessMessage) => sent.push(message) } as unknown as ToOldProcess;
  const roles = [{ name: 'r', sockets: [next.socket], link: null }];
  const receiver = new PeerReceiver(() => roles, { log: zmq.log, counters: { faults: 0 } });
  await receiver.follow(channel);
  const [connection] = old.socket.accepted;
  const suspended = connection?.suspend() ?? assert.fail('cannot move');
  const handle = connection?.handle ?? assert.fail('closed');
  const moved: MovedPeer = { id: '1', socket: 0, state: suspended.state };
  /** The old process loses the connection, but in this one there is only one handle. */
  const forget = () => {
    const own = handle as { close: unknown };
    own.close = (done: () => void) => setImmediate(done);
    suspended.forget();
    delete own.close;
  };
  return { zmq, old, next, peer, sent, receiver, suspended, handle, moved, forget };
}

/** A handle of which only the end matters. */
function countedHandle(): { handle: SocketHandle; closed: () => number } {
  let closed = 0;
  const handle = { reading: false, readStart() {}, readStop() {}, close: () => closed++ };
  return { handle, closed: () => closed };
}

test('the roles that both processes have are named', async (t) => {
  const { receiver, sent } = await start(t);
  receiver.onMessage(
    {
      kind: 'roles',
      roles: [
        { name: 'other', ids: '' },
        { name: 'r', ids: '' },
      ],
    },
    undefined,
  );
  assert.deepEqual(sent, [{ kind: 'serves', roles: ['r'] }]);
});

test('a peer that was taken is read and written only when the old process has forgotten it', async (t) => {
  const { receiver, sent, moved, handle, forget, next, peer } = await start(t);
  receiver.onMessage({ kind: 'peer', id: '1' }, handle);
  receiver.onMessage({ kind: 'peers', batch: 1, role: 'r', peers: [moved] }, undefined);
  assert.deepEqual(sent, [{ kind: 'peersTaken', batch: 1, refused: [] }]);
  assert.equal(next.socket.peerCount, 0);
  forget();
  receiver.onMessage({ kind: 'peersGo', batch: 1 }, undefined);
  assert.equal(next.socket.sendTo('a', parts('1')), true);
  assert.equal(await peer.messages.next(), '1');
});

test('when the old process ends before it says so, a peer that was taken goes on here', async (t) => {
  const { receiver, moved, handle, forget, next, peer } = await start(t);
  receiver.onMessage({ kind: 'peer', id: '1' }, handle);
  receiver.onMessage({ kind: 'peers', batch: 1, role: 'r', peers: [moved] }, undefined);
  forget();
  receiver.onOldProcessEnded();
  peer.socket.send(parts('2'));
  assert.equal(await next.messages.next(), 'a|2');
});

test('peers that cannot go on here are refused by their ids, and their sockets are closed here', async (t) => {
  const { receiver, sent, moved, suspended, old, peer, zmq } = await start(t);
  const [elsewhere, stranger] = [countedHandle(), countedHandle()];
  receiver.onMessage({ kind: 'peer', id: '2' }, elsewhere.handle);
  receiver.onMessage({ kind: 'peer', id: '3' }, stranger.handle);
  const peers = [
    moved,
    { ...moved, id: '2', state: { ...moved.state, endpoint: 'tcp://127.0.0.1:1' } },
    { ...moved, id: '3', socket: 7 },
  ];
  receiver.onMessage({ kind: 'peers', batch: 1, role: 'r', peers }, undefined);
  assert.deepEqual(sent, [{ kind: 'peersTaken', batch: 1, refused: ['1', '2', '3'] }]);
  assert.deepEqual(
    zmq.log.of('zmq peer stays with the old process').map(({ detail }) => detail),
    ['its socket has not come', 'tcp://127.0.0.1:1 is not bound', 'there is no such socket'],
  );
  receiver.onMessage({ kind: 'peersGo', batch: 1 }, undefined);
  assert.deepEqual([elsewhere.closed(), stranger.closed()], [1, 1]);
  suspended.resume();
  peer.socket.send(parts('3'));
  assert.equal(await old.messages.next(), 'a|3');
});
