import assert from 'node:assert/strict';
import { join } from 'node:path';
import { temporaryFolder } from '../support/temporary-folder.ts';
import type { LibzmqSocket } from '../support/zmq/libzmq-peer.ts';
import { forEachLibzmq, nextOf } from '../support/zmq/libzmq-rig.ts';
import { Relay } from '../support/zmq/relay.ts';
import { parts } from '../support/zmq/zmq-rig.ts';

forEachLibzmq((run) => {
  run('what was sent before libzmq has bound arrives when it has', async (rig) => {
    const ours = rig.push();
    ours.socket.connect(rig.endpoint);
    assert.equal(ours.socket.send(parts('early')), true);
    const theirs = await rig.libzmq('PULL', { bind: rig.endpoint });
    assert.equal(await nextOf(theirs)(), 'early');
  });

  run('what libzmq has sent before we have bound arrives when we have', async (rig) => {
    const theirs = await rig.libzmq('PUSH', { connect: rig.endpoint });
    assert.equal(await theirs.send(parts('early')), true);
    const ours = rig.pull();
    await ours.socket.bind(rig.endpoint);
    assert.equal(await ours.messages.next(), 'early');
  });

  run('a PUSH finds a PULL of libzmq again that was restarted', async (rig) => {
    const ours = rig.push({ reconnectInterval: 1, reconnectMax: 1 });
    ours.socket.connect(rig.endpoint);
    for (const round of ['one', 'two', 'three']) {
      const theirs = await rig.libzmq('PULL', { bind: rig.endpoint });
      assert.equal(ours.socket.send(parts(round)), true);
      assert.equal(await nextOf(theirs)(), round);
      await theirs.close();
      await rig.until(() => rig.counters.peersOpen === 0);
    }
  });

  run('a SUB subscribes again at a publisher that was restarted', async (rig) => {
    const ours = rig.sub({ reconnectInterval: 1, reconnectMax: 1 });
    ours.socket.connect(rig.endpoint);
    ours.socket.subscribe('a');
    for (let round = 0; round < 3; round++) {
      const theirs = await rig.libzmq('XPUB', { bind: rig.endpoint });
      assert.equal(await nextOf(theirs)(), '\x01a');
      await theirs.send(parts(`a${round}`));
      assert.equal(await ours.messages.next(), `a${round}`);
      await theirs.close();
    }
  });

  run('a SUB of libzmq subscribes again at an XPUB of ours that was restarted', async (rig) => {
    const options = { RECONNECT_IVL: 1 };
    const theirs = await rig.libzmq('SUB', { connect: rig.endpoint, subscribe: ['a'], options });
    for (let round = 0; round < 3; round++) {
      const ours = rig.xpub();
      await ours.socket.bind(rig.endpoint);
      assert.equal(await ours.messages.next(), '+a');
      ours.socket.send(parts(`a${round}`));
      assert.equal(await nextOf(theirs)(), `a${round}`);
      await ours.socket.close();
    }
  });

  run('a DEALER of libzmq keeps its name at a ROUTER of ours when it was restarted', async (rig) => {
    const ours = rig.router({ mandatory: true });
    await ours.socket.bind(rig.endpoint);
    for (let round = 0; round < 3; round++) {
      const theirs = await rig.libzmq('DEALER', {
        connect: rig.endpoint,
        options: { ROUTING_ID: 'them', RECONNECT_IVL: 1 },
      });
      await theirs.sendSurely(parts('hello'));
      assert.equal(await ours.messages.next(), 'them|hello');
      assert.equal(ours.socket.send(parts('them', 'back')), true);
      assert.equal(await nextOf(theirs)(), 'back');
      await theirs.close();
    }
  });

  run('messages are spread over the PULL sockets of libzmq in turn', async (rig) => {
    const ours = rig.push();
    await ours.socket.bind(rig.endpoint);
    const theirs = await Promise.all([1, 2, 3].map(() => rig.libzmq('PULL', { connect: rig.endpoint })));
    await rig.connected(3);
    for (let i = 0; i < 30; i++) ours.socket.send(parts('x'));
    for (const one of theirs) await one.messages.take(10);
  });

  run('each side answers the heartbeats of the other', async (rig, t) => {
    const ours = rig.dealer({ heartbeatInterval: 100 });
    await ours.socket.bind(rig.endpoint);
    const relay = await Relay.start(t, rig.endpoint.slice('ipc://'.length));
    const options = { HEARTBEAT_IVL: 20, HEARTBEAT_TTL: 60_000, HEARTBEAT_TIMEOUT: 60_000 };
    const theirs = await rig.libzmq('DEALER', { connect: relay.endpoint, options });
    await Promise.all([relay.fromHere.passed('\x04PONG'), relay.fromThere.passed('\x04PONG')]);
    assert.equal(ours.socket.send(parts('still')), true);
    assert.equal(await nextOf(theirs)(), 'still');
    await theirs.sendSurely(parts('here'));
    assert.equal(await ours.messages.next(), 'here');
    assert.equal(rig.counters.peersConnected, 1);
  });

  run('one socket takes from and sends to many endpoints, bound and connected', async (rig, t) => {
    const [pull, push] = [rig.pull(), rig.push()];
    const tcp = await pull.socket.bind('tcp://127.0.0.1:*');
    await pull.socket.bind(rig.endpoint);
    const sources = [
      await rig.libzmq('PUSH', { connect: tcp }),
      await rig.libzmq('PUSH', { connect: rig.endpoint }),
      await rig.libzmq('PUSH', { bind: 'tcp://127.0.0.1:*' }),
    ];
    pull.socket.connect((sources[2] as LibzmqSocket).endpoint);
    for (const [i, source] of sources.entries()) await source.sendSurely(parts(`from ${i}`));
    assert.deepEqual((await pull.messages.take(3)).sort(), ['from 0', 'from 1', 'from 2']);
    const folder = temporaryFolder(t);
    const sinks = await Promise.all(
      [1, 2, 3].map((i) => rig.libzmq('PULL', { bind: `ipc://${join(folder, `${i}`)}` })),
    );
    for (const sink of sinks) push.socket.connect(sink.endpoint);
    for (let i = 0; i < 6; i++) push.socket.send(parts('x'));
    for (const sink of sinks) await sink.messages.take(2);
  });

  run('what is unbound takes no new peers and keeps those it has', async (rig) => {
    const ours = rig.pull();
    await ours.socket.bind(rig.endpoint);
    const theirs = await rig.libzmq('PUSH', { connect: rig.endpoint });
    await theirs.sendSurely(parts('one'));
    assert.equal(await ours.messages.next(), 'one');
    ours.socket.unbind(rig.endpoint);
    const late = await rig.libzmq('PUSH', { connect: rig.endpoint, options: { RECONNECT_IVL: 1 } });
    await late.sendSurely(parts('late'));
    await theirs.sendSurely(parts('two'));
    assert.equal(await ours.messages.next(), 'two');
    assert.equal(rig.counters.peersConnected, 1);
    await ours.socket.bind(rig.endpoint);
    assert.equal(await ours.messages.next(), 'late');
  });

  run('a peer of a type that does not fit is refused, and disturbs no other', async (rig) => {
    const ours = rig.pull();
    await ours.socket.bind(rig.endpoint);
    await rig.libzmq('DEALER', { connect: rig.endpoint, options: { RECONNECT_IVL: 1 } });
    await rig.until(() => rig.counters.peersRefused > 0);
    const theirs = await rig.libzmq('PUSH', { connect: rig.endpoint });
    await theirs.sendSurely(parts('hello'));
    assert.equal(await ours.messages.next(), 'hello');
    assert.equal(rig.counters.peersOpen, 1);
  });

  run('a process with libzmq that was killed is forgotten, and its successor found', async (rig) => {
    const ours = rig.dealer({ reconnectInterval: 1, reconnectMax: 1 });
    ours.socket.connect(rig.endpoint);
    for (const round of ['one', 'two']) {
      const process = rig.otherProcess();
      // The second finds the socket file of the first.
      const theirs = await process.open('DEALER', { bind: rig.endpoint });
      assert.equal(ours.socket.send(parts(round)), true);
      assert.equal(await nextOf(theirs)(), round);
      process.signal('SIGKILL');
      await rig.until(() => rig.counters.peersOpen === 0);
    }
  });

  run('we bind where a process with libzmq that was killed has left its socket file', async (rig) => {
    const process = rig.otherProcess();
    await process.open('PULL', { bind: rig.endpoint });
    process.signal('SIGKILL');
    await process.stop();
    const ours = rig.pull();
    await ours.socket.bind(rig.endpoint);
    const theirs = await rig.libzmq('PUSH', { connect: rig.endpoint });
    await theirs.sendSurely(parts('hello'));
    assert.equal(await ours.messages.next(), 'hello');
  });

  run('a process with libzmq that stands still is given up, and taken back when it goes on', async (rig) => {
    const ours = rig.dealer({ heartbeatInterval: 200, heartbeatTimeout: 500 });
    await ours.socket.bind(rig.endpoint);
    const process = rig.otherProcess();
    const theirs = await process.open('DEALER', { connect: rig.endpoint, options: { RECONNECT_IVL: 1 } });
    await rig.connected(1);
    process.signal('SIGSTOP');
    await rig.until(() => rig.counters.peersSilent > 0 && rig.counters.peersOpen === 0);
    process.signal('SIGCONT');
    // What is sent before libzmq has noticed is lost.
    while (ours.messages.all.length === 0) await theirs.send(parts('back'));
    assert.equal(await ours.messages.next(), 'back');
  });
});
