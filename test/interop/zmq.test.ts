import assert from 'node:assert/strict';
import { join } from 'node:path';
import { after, describe, type TestContext, test } from 'node:test';
import type { ZmqSocket } from '../../src/zmq/index.ts';
import { requirePeer } from '../support/peers.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { type LibzmqOptions, LibzmqPeer, type LibzmqSocket } from '../support/zmq/libzmq-peer.ts';
import { Relay } from '../support/zmq/relay.ts';
import { type Opened, parts, text, ZmqRig } from '../support/zmq/zmq-rig.ts';

/** Who binds, and over what. */
interface Way {
  readonly name: string;
  readonly weBind: boolean;
  readonly ipc: boolean;
}

const WAYS: Way[] = [
  { name: 'Holdfast binds, tcp', weBind: true, ipc: false },
  { name: 'libzmq binds, tcp', weBind: false, ipc: false },
  { name: 'Holdfast binds, ipc', weBind: true, ipc: true },
  { name: 'libzmq binds, ipc', weBind: false, ipc: true },
];

/** Short, of many parts and empty ones, around the limits of frame sizes, and of several megabytes. */
const MESSAGES: Buffer[][] = [
  parts('hello'),
  parts('hello', '', 'a', ''),
  [Buffer.from('hello'), Buffer.alloc(255, 1), Buffer.alloc(256, 2), Buffer.alloc(16_384, 3)],
  [Buffer.from('hello'), Buffer.alloc(1_500_000, 4), Buffer.alloc(1), Buffer.alloc(1_000_000, 5)],
];

let libzmq: LibzmqPeer | null = null;
after(() => libzmq?.stop());

/** The process with libzmq; null, and the test is skipped, if the machine has none. */
function peer(t: TestContext): LibzmqPeer | null {
  if (requirePeer(t, 'python3-zmq') === null) return null;
  // The interpreter that Debian's package belongs to.
  libzmq ??= new LibzmqPeer('/usr/bin/python3');
  return libzmq;
}

async function open(t: TestContext, process: LibzmqPeer, type: string, given: LibzmqOptions): Promise<LibzmqSocket> {
  const socket = await process.open(type, given);
  t.after(() => socket.close());
  return socket;
}

/** Opens a socket of libzmq that is connected with ours. */
async function linked(
  t: TestContext,
  process: LibzmqPeer,
  way: Way,
  ours: Opened<ZmqSocket>,
  type: string,
  given: LibzmqOptions = {},
): Promise<LibzmqSocket> {
  const endpoint = way.ipc ? `ipc://${join(temporaryFolder(t), 's')}` : 'tcp://127.0.0.1:*';
  if (way.weBind) return open(t, process, type, { ...given, connect: await ours.socket.bind(endpoint) });
  const theirs = await open(t, process, type, { ...given, bind: endpoint });
  ours.socket.connect(theirs.endpoint);
  return theirs;
}

/** Sends all messages by `send`, each until it is taken, and checks that they arrive as they are. */
async function goes(
  send: (message: Buffer[]) => boolean,
  writable: { next(): Promise<true> },
  arrives: () => Promise<string>,
): Promise<void> {
  for (const message of MESSAGES) {
    while (!send(message)) await writable.next();
    // Of such strings the test runner would write megabytes.
    assert.ok((await arrives()) === text(message));
  }
}

/** As `goes`, from libzmq to us. */
async function comes(
  theirs: LibzmqSocket,
  arrives: () => Promise<string>,
  wrap = (message: Buffer[]) => message,
): Promise<void> {
  for (const message of MESSAGES) {
    await theirs.sendSurely(wrap(message));
    assert.ok((await arrives()) === text(message));
  }
}

const next = (theirs: LibzmqSocket) => async () => text(await theirs.messages.next());

/** What follows the envelope of the next message. */
const nextBehind = (envelope: string, messages: () => Promise<string>) => async () => {
  const message = await messages();
  assert.ok(message.startsWith(`${envelope}|`), 'the envelope');
  return message.slice(envelope.length + 1);
};

for (const way of WAYS) {
  describe(way.name, () => {
    const run = (name: string, body: (t: TestContext, process: LibzmqPeer, rig: ZmqRig) => Promise<void>) =>
      test(name, async (t) => {
        const process = peer(t);
        if (process !== null) await body(t, process, new ZmqRig(t));
      });

    run('PUSH sends to PULL', async (t, process, rig) => {
      const { socket, writable, ...ours } = rig.push();
      const theirs = await linked(t, process, way, { socket, writable, ...ours }, 'PULL');
      await goes((message) => socket.send(message), writable, next(theirs));
    });

    run('PULL takes from PUSH', async (t, process, rig) => {
      const ours = rig.pull();
      const theirs = await linked(t, process, way, ours, 'PUSH');
      await comes(theirs, () => ours.messages.next());
    });

    run('XPUB publishes to SUB and tells its subscriptions', async (t, process, rig) => {
      const ours = rig.xpub();
      const theirs = await linked(t, process, way, ours, 'SUB', { subscribe: ['hello', 'x'] });
      assert.deepEqual((await ours.messages.take(2)).sort(), ['+hello', '+x']);
      const send = (message: Buffer[]) => {
        ours.socket.send(parts('unwanted'));
        ours.socket.send(message);
        return true;
      };
      await goes(send, ours.writable, next(theirs));
      await theirs.unsubscribe('x');
      assert.equal(await ours.messages.next(), '-x');
      await theirs.subscribe('y');
      assert.equal(await ours.messages.next(), '+y');
    });

    run('PUB publishes to SUB', async (t, process, rig) => {
      const ours = rig.pub();
      const theirs = await linked(t, process, way, ours, 'SUB', { subscribe: ['hello', 'probe'] });
      // A PUB does not tell when its first subscriber is there.
      while (theirs.messages.all.length === 0) {
        ours.socket.send(parts('probe'));
        await process.version();
      }
      ours.socket.send(parts('probe', 'end'));
      while ((await theirs.messages.next()).length === 1);
      await goes(
        (message) => {
          ours.socket.send(message);
          return true;
        },
        ours.writable,
        next(theirs),
      );
    });

    run('SUB takes from XPUB, which sees its subscriptions', async (t, process, rig) => {
      const ours = rig.sub();
      ours.socket.subscribe('hello');
      const theirs = await linked(t, process, way, ours, 'XPUB');
      assert.equal(await next(theirs)(), '\x01hello');
      ours.socket.subscribe('x');
      ours.socket.unsubscribe('x');
      assert.equal(await next(theirs)(), '\x01x');
      assert.equal(await next(theirs)(), '\x00x');
      await theirs.send(parts('unwanted'));
      await comes(theirs, () => ours.messages.next());
    });

    run('SUB takes from PUB', async (t, process, rig) => {
      const ours = rig.sub();
      ours.socket.subscribe('');
      const theirs = await linked(t, process, way, ours, 'PUB');
      while (ours.messages.all.length === 0) await theirs.send(parts('probe'));
      await theirs.send(parts('end'));
      while ((await ours.messages.next()) !== 'end');
      await comes(theirs, () => ours.messages.next());
    });

    run('ROUTER and DEALER talk both ways', async (t, process, rig) => {
      const ours = rig.router({ mandatory: true });
      const theirs = await linked(t, process, way, ours, 'DEALER', { options: { ROUTING_ID: 'them' } });
      await comes(
        theirs,
        nextBehind('them', () => ours.messages.next()),
      );
      await goes((message) => ours.socket.send([...parts('them'), ...message]), ours.writable, next(theirs));
    });

    run('ROUTER names a peer that has no name', async (t, process, rig) => {
      const ours = rig.router();
      const theirs = await linked(t, process, way, ours, 'DEALER');
      await theirs.sendSurely(parts('hello'));
      const [id = '', message] = (await ours.messages.next()).split('|hello');
      assert.equal(message, '');
      assert.equal(id.length, 5);
      assert.equal(id[0], '\0');
      ours.socket.send(parts(id, 'back'));
      assert.equal(await next(theirs)(), 'back');
    });

    run('ROUTER and ROUTER talk both ways', async (t, process, rig) => {
      const ours = rig.router({ routingId: Buffer.from('us'), mandatory: true });
      const options = { ROUTING_ID: 'them', ROUTER_MANDATORY: 1 };
      const theirs = await linked(t, process, way, ours, 'ROUTER', { options });
      await rig.connected(1);
      await goes(
        (message) => ours.socket.send([...parts('them'), ...message]),
        ours.writable,
        nextBehind('us', next(theirs)),
      );
      await comes(
        theirs,
        nextBehind('them', () => ours.messages.next()),
        (message) => [...parts('us'), ...message],
      );
    });

    run('DEALER and ROUTER talk both ways', async (t, process, rig) => {
      const ours = rig.dealer({ routingId: Buffer.from('us') });
      const theirs = await linked(t, process, way, ours, 'ROUTER');
      await goes((message) => ours.socket.send(message), ours.writable, nextBehind('us', next(theirs)));
      await comes(
        theirs,
        () => ours.messages.next(),
        (message) => [...parts('us'), ...message],
      );
    });

    run('DEALER and DEALER talk both ways', async (t, process, rig) => {
      const ours = rig.dealer();
      const theirs = await linked(t, process, way, ours, 'DEALER');
      await goes((message) => ours.socket.send(message), ours.writable, next(theirs));
      await comes(theirs, () => ours.messages.next());
    });

    run('REQ asks REP', async (t, process, rig) => {
      const ours = rig.req();
      const theirs = await linked(t, process, way, ours, 'REP');
      for (const message of MESSAGES) {
        while (!ours.socket.send(message)) await ours.writable.next();
        assert.ok((await next(theirs)()) === text(message));
        await theirs.sendSurely(message);
        assert.ok((await ours.messages.next()) === text(message));
      }
    });

    run('REQ asks ROUTER', async (t, process, rig) => {
      const ours = rig.req({ routingId: Buffer.from('us') });
      const theirs = await linked(t, process, way, ours, 'ROUTER');
      while (!ours.socket.send(parts('question'))) await ours.writable.next();
      assert.equal(await next(theirs)(), 'us||question');
      await theirs.sendSurely(parts('us', '', 'answer', 'more'));
      assert.equal(await ours.messages.next(), 'answer|more');
    });

    run('REP answers REQ', async (t, process, rig) => {
      const ours = rig.rep();
      const theirs = await linked(t, process, way, ours, 'REQ');
      for (const message of MESSAGES) {
        await theirs.sendSurely(message);
        assert.ok((await ours.messages.next()) === text(message));
        assert.equal(ours.socket.send(message), true);
        assert.ok((await next(theirs)()) === text(message));
      }
    });

    run('REP answers DEALER, each request in its envelope', async (t, process, rig) => {
      const ours = rig.rep();
      const theirs = await linked(t, process, way, ours, 'DEALER');
      await theirs.sendSurely(parts('a', 'b', '', 'one'));
      await theirs.sendSurely(parts('', 'two'));
      assert.equal(await ours.messages.next(), 'one');
      ours.socket.send(parts('1'));
      assert.equal(await next(theirs)(), 'a|b||1');
      assert.equal(await ours.messages.next(), 'two');
      ours.socket.send(parts('2'));
      assert.equal(await next(theirs)(), '|2');
    });

    run('many small messages arrive in order, each way', async (t, process, rig) => {
      const ours = rig.dealer({ sendHwm: 100 });
      const theirs = await linked(t, process, way, ours, 'DEALER');
      const numbers = Array.from({ length: 2_000 }, (_, index) => String(index));
      for (const number of numbers) while (!ours.socket.send(parts(number))) await ours.writable.next();
      for (const number of numbers) assert.equal(await next(theirs)(), number);
      // So many commands to the process at a time that libzmq gathers several messages in one write.
      await Promise.all(numbers.slice(0, 500).map((number) => theirs.sendSurely(parts(number))));
      assert.deepEqual(await ours.messages.take(500), numbers.slice(0, 500));
    });
  });
}

describe('peers that come and go', () => {
  const run = (
    name: string,
    body: (t: TestContext, process: LibzmqPeer, rig: ZmqRig, endpoint: string) => Promise<void>,
  ) =>
    test(name, async (t) => {
      const process = peer(t);
      if (process !== null) await body(t, process, new ZmqRig(t), `ipc://${join(temporaryFolder(t), 's')}`);
    });

  run('what was sent before libzmq has bound arrives when it has', async (t, process, rig, endpoint) => {
    const ours = rig.push();
    ours.socket.connect(endpoint);
    assert.equal(ours.socket.send(parts('early')), true);
    const theirs = await open(t, process, 'PULL', { bind: endpoint });
    assert.equal(await next(theirs)(), 'early');
  });

  run('what libzmq has sent before we have bound arrives when we have', async (t, process, rig, endpoint) => {
    const theirs = await open(t, process, 'PUSH', { connect: endpoint });
    assert.equal(await theirs.send(parts('early')), true);
    const ours = rig.pull();
    await ours.socket.bind(endpoint);
    assert.equal(await ours.messages.next(), 'early');
  });

  run('a PUSH finds a PULL of libzmq again that was restarted', async (t, process, rig, endpoint) => {
    const ours = rig.push({ reconnectInterval: 1, reconnectMax: 1 });
    ours.socket.connect(endpoint);
    for (const round of ['one', 'two', 'three']) {
      const theirs = await process.open('PULL', { bind: endpoint });
      t.after(() => theirs.close());
      assert.equal(ours.socket.send(parts(round)), true);
      assert.equal(await next(theirs)(), round);
      await theirs.close();
      while (rig.counters.peersOpen > 0) await process.version();
    }
  });

  run('a SUB subscribes again at a publisher that was restarted', async (t, process, rig, endpoint) => {
    const ours = rig.sub({ reconnectInterval: 1, reconnectMax: 1 });
    ours.socket.connect(endpoint);
    ours.socket.subscribe('a');
    for (let round = 0; round < 3; round++) {
      const theirs = await process.open('XPUB', { bind: endpoint });
      t.after(() => theirs.close());
      assert.equal(await next(theirs)(), '\x01a');
      await theirs.send(parts(`a${round}`));
      assert.equal(await ours.messages.next(), `a${round}`);
      await theirs.close();
    }
  });

  run('a SUB of libzmq subscribes again at an XPUB of ours that was restarted', async (t, process, rig, endpoint) => {
    const options = { RECONNECT_IVL: 1 };
    const theirs = await open(t, process, 'SUB', { connect: endpoint, subscribe: ['a'], options });
    for (let round = 0; round < 3; round++) {
      const ours = rig.xpub();
      await ours.socket.bind(endpoint);
      assert.equal(await ours.messages.next(), '+a');
      ours.socket.send(parts(`a${round}`));
      assert.equal(await next(theirs)(), `a${round}`);
      await ours.socket.close();
    }
  });

  run(
    'a DEALER of libzmq keeps its name at a ROUTER of ours when it was restarted',
    async (t, process, rig, endpoint) => {
      const ours = rig.router({ mandatory: true });
      await ours.socket.bind(endpoint);
      for (let round = 0; round < 3; round++) {
        const theirs = await process.open('DEALER', {
          connect: endpoint,
          options: { ROUTING_ID: 'them', RECONNECT_IVL: 1 },
        });
        t.after(() => theirs.close());
        await theirs.sendSurely(parts('hello'));
        assert.equal(await ours.messages.next(), 'them|hello');
        assert.equal(ours.socket.send(parts('them', 'back')), true);
        assert.equal(await next(theirs)(), 'back');
        await theirs.close();
      }
    },
  );

  run('messages are spread over the PULL sockets of libzmq in turn', async (t, process, rig, endpoint) => {
    const ours = rig.push();
    await ours.socket.bind(endpoint);
    const theirs = await Promise.all([1, 2, 3].map(() => open(t, process, 'PULL', { connect: endpoint })));
    await rig.connected(3);
    for (let i = 0; i < 30; i++) ours.socket.send(parts('x'));
    for (const one of theirs) await one.messages.take(10);
  });

  run('each side answers the heartbeats of the other', async (t, process, rig, endpoint) => {
    const ours = rig.dealer({ heartbeatInterval: 100 });
    await ours.socket.bind(endpoint);
    const relay = await Relay.start(t, endpoint.slice('ipc://'.length));
    const options = { HEARTBEAT_IVL: 20, HEARTBEAT_TTL: 60_000, HEARTBEAT_TIMEOUT: 60_000 };
    const theirs = await open(t, process, 'DEALER', { connect: relay.endpoint, options });
    await Promise.all([relay.fromHere.passed('\x04PONG'), relay.fromThere.passed('\x04PONG')]);
    assert.equal(ours.socket.send(parts('still')), true);
    assert.equal(await next(theirs)(), 'still');
    await theirs.sendSurely(parts('here'));
    assert.equal(await ours.messages.next(), 'here');
    assert.equal(rig.counters.peersConnected, 1);
  });
});
