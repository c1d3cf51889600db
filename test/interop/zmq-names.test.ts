import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { BOTH_WAYS, forEachLibzmq, nextOf, type Run, type Way } from '../support/zmq/libzmq-rig.ts';
import { parts } from '../support/zmq/zmq-rig.ts';

/** The longest identity that there is, of all bytes but 0. */
const LONGEST = Buffer.from(Array.from({ length: 255 }, (_, i) => i + 1)).toString('latin1');

const AGAIN = { reconnectInterval: 1, reconnectMax: 1 };

forEachLibzmq((run) => {
  for (const way of BOTH_WAYS) {
    describe(way.name, () => {
      identities(run, way);
      subscriptions(run, way);
    });
  }
});

function identities(run: Run, way: Way): void {
  run('ROUTER knows a DEALER of libzmq by the longest identity', async (rig) => {
    const ours = rig.router({ mandatory: true });
    const theirs = await rig.linked(way, ours, 'DEALER', { options: { ROUTING_ID: LONGEST } });
    await theirs.sendSurely(parts('hello'));
    assert.equal(await ours.messages.next(), `${LONGEST}|hello`);
    assert.equal(ours.socket.send(parts(LONGEST, 'back')), true);
    assert.equal(await nextOf(theirs)(), 'back');
  });

  run('ROUTER of libzmq knows a DEALER by the longest identity', async (rig) => {
    const ours = rig.dealer({ routingId: Buffer.from(LONGEST, 'latin1') });
    const theirs = await rig.linked(way, ours, 'ROUTER');
    while (!ours.socket.send(parts('hello'))) await ours.writable.next();
    assert.equal(await nextOf(theirs)(), `${LONGEST}|hello`);
    await theirs.sendSurely([Buffer.from(LONGEST, 'latin1'), ...parts('back')]);
    assert.equal(await ours.messages.next(), 'back');
  });

  run('a mandatory ROUTER says whether a DEALER of libzmq is there', async (rig) => {
    const ours = rig.router({ mandatory: true, ...AGAIN });
    assert.equal(ours.socket.send(parts('them', 'early')), false);
    const theirs = await rig.linked(way, ours, 'DEALER', { options: { ROUTING_ID: 'them' } });
    await rig.connected(1);
    assert.equal(ours.socket.reaches('them'), true);
    assert.equal(ours.socket.send(parts('them', 'now')), true);
    assert.equal(await nextOf(theirs)(), 'now');
    await theirs.close();
    await rig.until(() => rig.counters.peersOpen === 0);
    assert.equal(ours.socket.reaches('them'), false);
    assert.equal(ours.socket.send(parts('them', 'late')), false);
    assert.equal(rig.counters.messagesDropped, 0);
  });

  run('a second DEALER of libzmq with the same identity waits until the first has gone', async (rig) => {
    const ours = rig.router({ mandatory: true, ...AGAIN });
    const given = { options: { ROUTING_ID: 'them', RECONNECT_IVL: 1 } };
    const first = await rig.linked(way, ours, 'DEALER', given);
    await first.sendSurely(parts('first'));
    assert.equal(await ours.messages.next(), 'them|first');
    const second = await rig.linked({ ...way, over: 'tcp' }, ours, 'DEALER', given);
    await rig.until(() => rig.counters.peersRefused > 0);
    assert.equal(ours.socket.send(parts('them', 'for the first')), true);
    assert.equal(await nextOf(first)(), 'for the first');
    await first.close();
    // What the second sends before it is welcome is lost.
    await rig.connected(2);
    await second.sendSurely(parts('second'));
    assert.equal(await ours.messages.next(), 'them|second');
    assert.equal(ours.socket.send(parts('them', 'for the second')), true);
    assert.equal(await nextOf(second)(), 'for the second');
  });

  // A ROUTER of libzmq that has connected keeps messages for a peer that has gone until it is back.
  if (way.weBind) return;
  run('a mandatory ROUTER of libzmq sees a DEALER that connects come and go', async (rig) => {
    const ours = rig.dealer({ routingId: Buffer.from('us') });
    const theirs = await rig.linked(way, ours, 'ROUTER', { options: { ROUTER_MANDATORY: 1 } });
    await theirs.sendSurely(parts('us', 'now'));
    assert.equal(await ours.messages.next(), 'now');
    await ours.socket.close();
    while (await theirs.send(parts('us', 'late')));
    const successor = rig.dealer({ routingId: Buffer.from('us'), ...AGAIN });
    successor.socket.connect(rig.endpoint);
    await theirs.sendSurely(parts('us', 'again'));
    assert.equal(await successor.messages.next(), 'again');
  });
}

function subscriptions(run: Run, way: Way): void {
  run('SUB of libzmq that asks for everything gets everything, empty messages too', async (rig) => {
    const ours = rig.xpub();
    const theirs = await rig.linked(way, ours, 'SUB', { subscribe: [''] });
    assert.equal(await ours.messages.next(), '+');
    for (const message of [parts('a'), parts(''), parts('', 'b'), parts('\x00\xff')]) ours.socket.send(message);
    assert.deepEqual([await nextOf(theirs)(), await nextOf(theirs)()], ['a', '']);
    assert.deepEqual([await nextOf(theirs)(), await nextOf(theirs)()], ['|b', '\x00\xff']);
  });

  run('SUB that asks for everything gets everything of libzmq, empty messages too', async (rig) => {
    const ours = rig.sub();
    ours.socket.subscribe('');
    const theirs = await rig.linked(way, ours, 'XPUB');
    assert.equal(await nextOf(theirs)(), '\x01');
    for (const message of [parts('a'), parts(''), parts('', 'b')]) await theirs.sendSurely(message);
    assert.deepEqual(await ours.messages.take(3), ['a', '', '|b']);
  });

  run('SUB of libzmq gets no more of what it has unsubscribed, and what two topics fit once', async (rig) => {
    const ours = rig.xpub();
    const theirs = await rig.linked(way, ours, 'SUB', { subscribe: ['a', 'ab', 'b'] });
    await ours.messages.take(3);
    for (const topic of ['abc', 'b']) ours.socket.send(parts(topic));
    assert.deepEqual([await nextOf(theirs)(), await nextOf(theirs)()], ['abc', 'b']);
    await theirs.unsubscribe('a');
    assert.equal(await ours.messages.next(), '-a');
    for (const topic of ['a', 'ac', 'abd', 'c']) ours.socket.send(parts(topic));
    assert.equal(await nextOf(theirs)(), 'abd');
    await theirs.unsubscribe('ab');
    assert.equal(await ours.messages.next(), '-ab');
    for (const topic of ['abc', 'b']) ours.socket.send(parts(topic));
    assert.equal(await nextOf(theirs)(), 'b');
  });

  run('SUB gets no more of what it has unsubscribed of libzmq, and what two topics fit once', async (rig) => {
    const ours = rig.sub();
    const theirs = await rig.linked(way, ours, 'XPUB');
    for (const topic of ['a', 'ab']) ours.socket.subscribe(topic);
    assert.deepEqual([await nextOf(theirs)(), await nextOf(theirs)()], ['\x01a', '\x01ab']);
    await theirs.sendSurely(parts('abc'));
    assert.equal(await ours.messages.next(), 'abc');
    ours.socket.unsubscribe('a');
    assert.equal(await nextOf(theirs)(), '\x00a');
    for (const topic of ['a', 'ac', 'abd']) await theirs.sendSurely(parts(topic));
    assert.equal(await ours.messages.next(), 'abd');
  });

  run('SUB of libzmq counts how often a topic was asked for', async (rig) => {
    const ours = rig.xpub();
    const theirs = await rig.linked(way, ours, 'SUB', { subscribe: ['a'] });
    assert.equal(await ours.messages.next(), '+a');
    for (const topic of ['a', 'x']) await theirs.subscribe(topic);
    for (const topic of ['a', 'x']) await theirs.unsubscribe(topic);
    assert.deepEqual(await ours.messages.take(2), ['+x', '-x']);
    ours.socket.send(parts('a'));
    assert.equal(await nextOf(theirs)(), 'a');
  });

  run('XPUB tells the first that asks for a topic, and the last that leaves it by closing', async (rig) => {
    const ours = rig.xpub();
    const first = await rig.linked(way, ours, 'SUB', { subscribe: ['a'] });
    assert.equal(await ours.messages.next(), '+a');
    const second = await rig.linked({ ...way, over: 'tcp' }, ours, 'SUB', { subscribe: ['a', 'b'] });
    assert.equal(await ours.messages.next(), '+b');
    await first.close();
    await rig.until(() => rig.counters.peersOpen === 1);
    ours.socket.send(parts('a'));
    assert.equal(await nextOf(second)(), 'a');
    await second.close();
    assert.deepEqual((await ours.messages.take(2)).sort(), ['-a', '-b']);
  });

  run('XPUB of libzmq sees the first that asks for a topic, and the last that leaves it by closing', async (rig) => {
    const [first, second] = [rig.sub(), rig.sub()];
    for (const { socket } of [first, second]) socket.subscribe('a');
    second.socket.subscribe('b');
    const theirs = await rig.linked({ ...way, weBind: false }, first, 'XPUB');
    assert.equal(await nextOf(theirs)(), '\x01a');
    second.socket.connect(theirs.endpoint);
    assert.equal(await nextOf(theirs)(), '\x01b');
    await first.socket.close();
    await theirs.sendSurely(parts('a'));
    assert.equal(await second.messages.next(), 'a');
    await second.socket.close();
    assert.deepEqual([await nextOf(theirs)(), await nextOf(theirs)()].sort(), ['\x00a', '\x00b']);
  });
}
