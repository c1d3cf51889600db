import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { MovingRole } from '../../../src/app/upgrade/moving-role.ts';
import { PeerMover } from '../../../src/app/upgrade/peer-mover.ts';
import type { ToNewProcess } from '../../../src/app/upgrade/upgrade-channel.ts';
import type { OldProcessMessage } from '../../../src/app/upgrade/upgrade-messages.ts';
import type { RouterSocket } from '../../../src/zmq/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { Arrivals, type Opened, parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';

/** A mover of one bound socket, with a new process that the test plays. */
class MoverRig {
  readonly zmq: ZmqRig;
  readonly router: Opened<RouterSocket>;
  readonly mover: PeerMover;
  readonly sent = new Arrivals<OldProcessMessage>();
  endpoint = '';
  ready = true;
  readonly #role: MovingRole;

  private constructor(t: TestContext) {
    this.zmq = new ZmqRig(t);
    this.router = this.zmq.router();
    this.#role = { name: 'r', sockets: [this.router.socket], link: null, ready: () => this.ready };
    this.mover = new PeerMover(() => [this.#role], { log: this.zmq.log, counters: { faults: 0 } });
    t.after(() => this.mover.stop());
  }

  static async start(t: TestContext): Promise<MoverRig> {
    const rig = new MoverRig(t);
    rig.endpoint = await rig.router.socket.bind('tcp://127.0.0.1:0');
    return rig;
  }

  async connect(id: string) {
    const dealer = this.zmq.dealer({ routingId: Buffer.from(id) });
    const before = this.zmq.counters.peersConnected;
    dealer.socket.connect(this.endpoint);
    await this.zmq.connected(before + 2);
    return dealer;
  }

  begin(serves: readonly string[] = ['r']): Promise<void> {
    const channel = {
      connected: true,
      send: (message: OldProcessMessage, _handle?: object, onSent: () => void = () => {}) => {
        this.sent.add(message);
        setImmediate(onSent);
        if (message.kind === 'roles') setImmediate(() => this.mover.onMessage({ kind: 'serves', roles: serves }));
      },
    } as unknown as ToNewProcess;
    return this.mover.giveOver(channel).then(() => this.mover.last.giveOver(channel));
  }

  /** The next message of this kind. */
  async next<K extends OldProcessMessage['kind']>(kind: K): Promise<Extract<OldProcessMessage, { kind: K }>> {
    for (;;) {
      const message = await this.sent.next();
      if (message.kind === kind) return message as Extract<OldProcessMessage, { kind: K }>;
    }
  }
}

test('until the new process has taken them, peers go on here as if nothing had been when it fails', async (t) => {
  const rig = await MoverRig.start(t);
  const peer = await rig.connect('a');
  void rig.begin();
  const { peers } = await rig.next('peers');
  assert.deepEqual(
    peers.map(({ socket, state }) => [socket, state.routingId.toString()]),
    [[0, 'a']],
  );
  peer.socket.send(parts('1'));
  for (let i = 0; i < 5; i++) await turn();
  assert.deepEqual(rig.router.messages.all, []);
  rig.mover.takeBack();
  assert.equal(await rig.router.messages.next(), 'a|1');
  rig.router.socket.send(parts('a', '2'));
  assert.equal(await peer.messages.next(), '2');
});

test('peers that are not taken stay, and are not asked for again', async (t) => {
  const rig = await MoverRig.start(t);
  const peer = await rig.connect('a');
  const given = rig.begin();
  const { batch, peers } = await rig.next('peers');
  rig.mover.onMessage({ kind: 'peersTaken', batch, refused: peers.map(({ id }) => id) });
  await given;
  peer.socket.send(parts('1'));
  assert.equal(await rig.router.messages.next(), 'a|1');
  const [moved] = rig.zmq.log.of('zmq peers moved to the new process');
  assert.deepEqual([moved?.moved, moved?.stay], [0, 0]);
});

test('peers of a role that the new process does not have stay', async (t) => {
  const rig = await MoverRig.start(t);
  const peer = await rig.connect('a');
  await rig.begin([]);
  assert.deepEqual(
    rig.sent.all.map(({ kind }) => kind),
    ['roles'],
  );
  peer.socket.send(parts('1'));
  assert.equal(await rig.router.messages.next(), 'a|1');
});

test('a peer that has come late moves before this process ends', async (t) => {
  const rig = await MoverRig.start(t);
  const given = rig.begin();
  const { batch, peers } = await rig.next('peers');
  assert.deepEqual(peers, []);
  rig.mover.onMessage({ kind: 'peersTaken', batch, refused: [] });
  await given;
  rig.mover.finish();
  await rig.connect('late');
  const next = await rig.next('peers');
  assert.deepEqual(
    next.peers.map(({ state }) => state.routingId.toString()),
    ['late'],
  );
  rig.mover.onMessage({ kind: 'peersTaken', batch: next.batch, refused: [] });
  await rig.next('peersGo');
  assert.equal(rig.router.socket.reaches('late'), false);
});

test('peers of a role that is not ready move once it is', async (t) => {
  const rig = await MoverRig.start(t);
  await rig.connect('a');
  rig.ready = false;
  void rig.begin();
  const early = await rig.next('peers');
  assert.deepEqual(early.peers, []);
  rig.ready = true;
  rig.mover.onMessage({ kind: 'peersTaken', batch: early.batch, refused: [] });
  const { peers } = await rig.next('peers');
  assert.equal(peers.length, 1);
  rig.mover.takeBack();
});

test('a new process that says nothing of the peers does not get them', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const rig = await MoverRig.start(t);
  await rig.connect('a');
  const given = assert.rejects(rig.begin(), /has not taken its zmq peers within 10 s/);
  await rig.next('peers');
  await turn();
  t.mock.timers.tick(10_000);
  await given;
  rig.mover.takeBack();
  assert.equal(rig.router.socket.reaches('a'), true);
});

test('peers that the new process does not take late go on here, and are tried again', async (t) => {
  const rig = await MoverRig.start(t);
  const given = rig.begin();
  const { batch } = await rig.next('peers');
  rig.mover.onMessage({ kind: 'peersTaken', batch, refused: [] });
  await given;
  t.mock.timers.enable({ apis: ['setTimeout'] });
  const peer = await rig.connect('late');
  rig.mover.finish();
  const late = await rig.next('peers');
  peer.socket.send(parts('1'));
  await turn();
  t.mock.timers.tick(10_000);
  assert.deepEqual(await rig.next('peersKept'), { kind: 'peersKept', batch: late.batch });
  assert.equal(await rig.router.messages.next(), 'late|1');
  // It is too late for that one.
  rig.mover.onMessage({ kind: 'peersTaken', batch: late.batch, refused: [] });
  const again = await rig.next('peers');
  assert.equal(again.peers.length, 1);
  rig.mover.onMessage({ kind: 'peersTaken', batch: again.batch, refused: [] });
  assert.equal((await rig.next('peersGo')).batch, again.batch);
  assert.equal(rig.router.socket.reaches('late'), false);
  assert.equal(rig.zmq.log.of('zmq peers cannot move now').length, 1);
});
