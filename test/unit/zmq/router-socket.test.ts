import assert from 'node:assert/strict';
import { test } from 'node:test';
import { turn } from '../../support/manual-clock.ts';
import { parts, ZmqRig } from '../../support/zmq/zmq-rig.ts';
import { peerAt, rawAt, ZmtpPeer } from '../../support/zmq/zmtp-peer.ts';

const ANY_PORT = 'tcp://127.0.0.1:*';

test('messages come with the name of their peer, and go to the named peer', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.router();
  const endpoint = await socket.bind(ANY_PORT);
  const one = await peerAt(t, endpoint, { type: 'DEALER', identity: 'one' });
  const two = await peerAt(t, endpoint, { type: 'DEALER', identity: '\xff' });
  one.send('a', 'b');
  assert.equal(await messages.next(), 'one|a|b');
  two.send('');
  assert.equal(await messages.next(), '\xff|');
  socket.send(parts('\xff', 'x', ''));
  socket.send(parts('one', 'y'));
  assert.equal(await two.events.next(), 'x|');
  assert.equal(await one.events.next(), 'y');
});

test('peers without a name get different ones that begin with zero', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.router();
  const endpoint = await socket.bind(ANY_PORT);
  const names = new Set<string>();
  for (const face of [{ type: 'DEALER' }, { type: 'DEALER', identity: '' }, { type: 'REQ' }]) {
    const peer = await peerAt(t, endpoint, face);
    peer.send('x');
    const [name = ''] = (await messages.next()).split('|x');
    assert.equal(name.length, 5);
    assert.equal(name[0], '\0');
    names.add(name);
    socket.send(parts(name, 'back'));
    assert.equal(await peer.events.next(), 'back');
  }
  assert.equal(names.size, 3);
});

test('a message for an unknown peer is dropped and counted', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.router();
  assert.equal(socket.send(parts('nobody', 'x')), true);
  assert.equal(rig.counters.messagesDropped, 1);
});

test('with mandatory a message for an unknown peer is not taken', async (t) => {
  const rig = new ZmqRig(t);
  const { socket } = rig.router({ mandatory: true });
  const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'DEALER', identity: 'me' });
  await rig.connected(1);
  assert.equal(socket.send(parts('nobody', 'x')), false);
  assert.equal(socket.reaches('nobody'), false);
  assert.equal(socket.reaches('me'), true);
  assert.equal(socket.send(parts('me', 'x')), true);
  peer.socket.destroy();
  while (rig.counters.peersOpen > 0) await turn();
  assert.equal(socket.send(parts('me', 'x')), false);
  assert.equal(socket.reaches('me'), false);
  assert.equal(rig.counters.messagesDropped, 0);
});

for (const mandatory of [false, true]) {
  const what = mandatory ? 'is not taken until there is room' : 'is dropped and counted';
  test(`with mandatory ${mandatory} a message for a peer at its high-water mark ${what}`, async (t) => {
    const rig = new ZmqRig(t);
    const { socket, writable } = rig.router({ mandatory, sendHwm: 2 });
    const peer = await peerAt(t, await socket.bind(ANY_PORT), { type: 'DEALER', identity: 'me' });
    peer.socket.pause();
    await rig.connected(1);
    const message = [Buffer.from('me'), Buffer.alloc(1_000_000)];
    while (socket.send(message) && rig.counters.messagesDropped === 0) await turn();
    assert.equal(rig.counters.messagesDropped, mandatory ? 0 : 1);
    assert.equal(socket.reaches('me'), true);
    peer.socket.resume();
    if (mandatory) await writable.next();
    else await peer.events.take(rig.counters.messagesSent);
    assert.equal(socket.send(parts('me', 'x')), true);
  });
}

test('a second peer of the same name is refused while the first is there', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.router();
  const endpoint = await socket.bind(ANY_PORT);
  const first = await peerAt(t, endpoint, { type: 'DEALER', identity: 'me' });
  await rig.connected(1);
  const second = new ZmtpPeer(t, await rawAt(t, endpoint), { type: 'DEALER', identity: 'me' });
  await second.closed;
  assert.deepEqual(second.events.all, []);
  assert.match(String(rig.log.with('zmq peer cut off')[0]?.fields.reason), /its identity is in use/);
  first.send('mine');
  assert.equal(await messages.next(), 'me|mine');
  first.socket.destroy();
  while (rig.counters.peersOpen > 0) await turn();
  const third = await peerAt(t, endpoint, { type: 'DEALER', identity: 'me' });
  third.send('now mine');
  assert.equal(await messages.next(), 'me|now mine');
});

test('a peer that comes back before its old connection is gone loses nothing', async (t) => {
  const rig = new ZmqRig(t);
  const { socket, messages } = rig.router();
  const endpoint = await socket.bind(ANY_PORT);
  const old = await peerAt(t, endpoint, { type: 'DEALER', identity: 'me' });
  const dealer = rig.dealer({ routingId: Buffer.from('me'), reconnectInterval: 1 });
  dealer.socket.connect(endpoint);
  dealer.socket.send(parts('x'));
  await rig.log.until('zmq peer cut off');
  old.socket.destroy();
  assert.equal(await messages.next(), 'me|x');
});

test('a message with only a name is refused', (t) => {
  const { socket } = new ZmqRig(t).router();
  assert.throws(() => socket.send([]), { kind: 'option' });
  assert.throws(() => socket.send(parts('me')), { kind: 'option' });
});

test('a ROUTER that connects reaches a ROUTER by the name it has given itself', async (t) => {
  const rig = new ZmqRig(t);
  const one = rig.router({ routingId: Buffer.from('one') });
  const two = rig.router({ routingId: Buffer.from('two') });
  one.socket.connect(await two.socket.bind(ANY_PORT));
  await rig.connected(2);
  one.socket.send(parts('two', '', 'question'));
  assert.equal(await two.messages.next(), 'one||question');
  two.socket.send(parts('one', '', 'answer'));
  assert.equal(await one.messages.next(), 'two||answer');
});
