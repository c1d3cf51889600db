import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { LibzmqSocket } from '../support/zmq/libzmq-peer.ts';
import { BOTH_WAYS, forEachLibzmq, type LibzmqRig, type Run, type Way } from '../support/zmq/libzmq-rig.ts';
import { parts, text } from '../support/zmq/zmq-rig.ts';

/** So large that the system takes few of them. */
const PAYLOAD = Buffer.alloc(100_000, 'x');
/** More than a peer that stalls, the system and a high-water mark of `HWM` hold together. */
const MANY = 40;
const HWM = 5;

/** What keeps a socket of libzmq from taking more than a few messages. */
const STALLED = { stalled: true, options: { RCVHWM: 1 } };

const numbered = (number: number | string) => [Buffer.from(String(number)), PAYLOAD];
const numbers = (count: number) => Array.from({ length: count }, (_, number) => String(number));

/** The first part of the next messages of libzmq. */
async function take(theirs: LibzmqSocket, count: number): Promise<string[]> {
  const messages: Buffer[][] = [];
  while (messages.length < count) messages.push(await theirs.messages.next());
  return messages.map((message) => text(message.slice(0, 1)));
}

const numberOf = (message: string) => message.slice(0, message.indexOf('|'));

/** Sends numbered messages until none is taken, and none either after what was on its way has got as far as it can. */
async function fill(rig: LibzmqRig, send: (number: number) => boolean | Promise<boolean>): Promise<number> {
  let sent = 0;
  for (let refusals = 0; refusals < 50; ) {
    if (await send(sent)) sent++;
    else refusals++;
    assert.ok(sent < MANY, 'somebody holds back');
    await rig.process.version();
  }
  return sent;
}

forEachLibzmq((run) => {
  for (const way of BOTH_WAYS) {
    describe(way.name, () => {
      stalledPeers(run, way);
      stalledSockets(run, way);
      lingering(run, way);
    });
  }
});

/** Peers of libzmq that take nothing for a while. */
function stalledPeers(run: Run, way: Way): void {
  run('a PULL that stalls holds PUSH back, and takes all in order when it goes on', async (rig) => {
    const ours = rig.push({ sendHwm: HWM });
    const theirs = await rig.linked(way, ours, 'PULL', STALLED);
    await rig.connected(1);
    const sent = await fill(rig, (number) => ours.socket.send(numbered(number)));
    await theirs.resume();
    assert.deepEqual(await take(theirs, sent), numbers(sent));
    await ours.writable.next();
    assert.equal(ours.socket.send(parts('end')), true);
    assert.deepEqual(await take(theirs, 1), ['end']);
  });

  run('a PULL that stalls gets no more, while another takes on', async (rig) => {
    const ours = rig.push({ sendHwm: HWM });
    await rig.linked(way, ours, 'PULL', STALLED);
    const busy = await rig.linked({ ...way, over: 'tcp' }, ours, 'PULL');
    await rig.connected(2);
    let sent = 0;
    while (busy.messages.all.length < MANY) {
      if (ours.socket.send(numbered(sent))) sent++;
      await rig.process.version();
    }
    assert.ok(sent < 2 * MANY);
  });

  run('a ROUTER that stalls holds DEALER back, and takes all in order when it goes on', async (rig) => {
    const ours = rig.dealer({ sendHwm: HWM });
    const theirs = await rig.linked(way, ours, 'ROUTER', STALLED);
    await rig.connected(1);
    const sent = await fill(rig, (number) => ours.socket.send(numbered(number)));
    await theirs.resume();
    const messages = [];
    while (messages.length < sent) messages.push(text((await theirs.messages.next()).slice(1, 2)));
    assert.deepEqual(messages, numbers(sent));
    await ours.writable.next();
  });

  run('a DEALER that stalls holds a mandatory ROUTER back', async (rig) => {
    const ours = rig.router({ sendHwm: HWM, mandatory: true });
    const theirs = await rig.linked(way, ours, 'DEALER', {
      ...STALLED,
      options: { ...STALLED.options, ROUTING_ID: 'them' },
    });
    await rig.connected(1);
    const sent = await fill(rig, (number) => ours.socket.send([...parts('them'), ...numbered(number)]));
    assert.equal(ours.socket.reaches('them'), true);
    await theirs.resume();
    assert.deepEqual(await take(theirs, sent), numbers(sent));
    await ours.writable.next();
    assert.equal(ours.socket.send(parts('them', 'end')), true);
    assert.deepEqual(await take(theirs, 1), ['end']);
    assert.equal(rig.counters.messagesDropped, 0);
  });

  run('a DEALER that stalls misses what ROUTER drops and counts', async (rig) => {
    const ours = rig.router({ sendHwm: HWM });
    const theirs = await rig.linked(way, ours, 'DEALER', {
      ...STALLED,
      options: { ...STALLED.options, ROUTING_ID: 'them' },
    });
    await rig.connected(1);
    for (let number = 0; number < MANY; number++) {
      assert.equal(ours.socket.send([...parts('them'), ...numbered(number)]), true);
      await rig.process.version();
    }
    const { messagesDropped } = rig.counters;
    assert.ok(messagesDropped > 0);
    await theirs.resume();
    inOrder(await take(theirs, MANY - messagesDropped));
    ours.socket.send(parts('them', 'end'));
    assert.deepEqual(await take(theirs, 1), ['end']);
  });

  // A SUB of libzmq that has bound subscribes only when it is asked for messages.
  if (!way.weBind) return;
  run('a SUB that stalls misses what PUB drops and counts, and another SUB misses nothing', async (rig) => {
    const ours = rig.xpub({ sendHwm: HWM });
    const stalled = await rig.linked(way, ours, 'SUB', { ...STALLED, subscribe: [''] });
    assert.equal(await ours.messages.next(), '+');
    const busy = await rig.linked({ ...way, over: 'tcp' }, ours, 'SUB', { subscribe: [''] });
    // Which is told, while a second subscription to everything is not.
    await busy.subscribe('busy');
    assert.equal(await ours.messages.next(), '+busy');
    for (let number = 0; number < MANY; number++) {
      ours.socket.send(numbered(number));
      assert.deepEqual(await take(busy, 1), [String(number)]);
    }
    const { messagesDropped } = rig.counters;
    assert.ok(messagesDropped > 0);
    await stalled.resume();
    inOrder(await take(stalled, MANY - messagesDropped));
    ours.socket.send(parts('end'));
    assert.deepEqual(await take(stalled, 1), ['end']);
  });
}

/** Sockets of ours that take nothing for a while. */
function stalledSockets(run: Run, way: Way): void {
  const options = { SNDHWM: HWM };

  run('a paused PULL holds PUSH of libzmq back, and takes all in order when it goes on', async (rig) => {
    const ours = rig.pull({ receiveHwm: HWM });
    ours.socket.pause();
    const theirs = await rig.linked(way, ours, 'PUSH', { options });
    const sent = await fill(rig, (number) => theirs.send(numbered(number)));
    assert.equal(rig.counters.messagesReceived, HWM);
    ours.socket.resume();
    assert.deepEqual((await ours.messages.take(sent)).map(numberOf), numbers(sent));
    await theirs.sendSurely(parts('end'));
    assert.equal(await ours.messages.next(), 'end');
  });

  run('a paused DEALER holds a mandatory ROUTER of libzmq back', async (rig) => {
    const ours = rig.dealer({ receiveHwm: HWM, routingId: Buffer.from('us') });
    ours.socket.pause();
    const theirs = await rig.linked(way, ours, 'ROUTER', { options: { ...options, ROUTER_MANDATORY: 1 } });
    await theirs.sendSurely(parts('us', '-', ''));
    const sent = await fill(rig, (number) => theirs.send([...parts('us'), ...numbered(number)]));
    ours.socket.resume();
    assert.deepEqual((await ours.messages.take(sent + 1)).map(numberOf), ['-', ...numbers(sent)]);
  });

  run('a paused SUB misses what PUB of libzmq drops, and is sent to again when it goes on', async (rig) => {
    const ours = rig.sub({ receiveHwm: HWM });
    ours.socket.subscribe('');
    ours.socket.pause();
    const theirs = await rig.linked(way, ours, 'XPUB', { options });
    assert.equal(text(await theirs.messages.next()), '\x01');
    for (let number = 0; number < MANY; number++) assert.equal(await theirs.send(numbered(number)), true);
    assert.ok(rig.counters.messagesReceived <= HWM);
    ours.socket.resume();
    while (!ours.messages.all.includes('end')) await theirs.send(parts('end'));
    const messages = (await ours.messages.take(ours.messages.all.indexOf('end'))).map(numberOf);
    assert.ok(messages.length < MANY);
    inOrder(messages);
  });
}

/** Sockets that are closed before all has been sent. */
function lingering(run: Run, way: Way): void {
  run('what PUSH has taken arrives although it is closed at once', async (rig) => {
    const ours = rig.push({ sendHwm: 0, linger: Number.POSITIVE_INFINITY });
    const theirs = await rig.linked(way, ours, 'PULL', STALLED);
    await rig.connected(1);
    for (let number = 0; number < MANY; number++) ours.socket.send(numbered(number));
    const closed = ours.socket.close();
    await theirs.resume();
    assert.deepEqual(await take(theirs, MANY), numbers(MANY));
    await closed;
    assert.equal(rig.counters.messagesDropped, 0);
  });

  run('what PUSH of libzmq has taken arrives although it is closed at once', async (rig) => {
    const ours = rig.pull({ receiveHwm: HWM });
    ours.socket.pause();
    const theirs = await rig.linked(way, ours, 'PUSH', { options: { SNDHWM: MANY } });
    for (let number = 0; number < MANY; number++) await theirs.sendSurely(numbered(number));
    await theirs.close();
    ours.socket.resume();
    assert.deepEqual((await ours.messages.take(MANY)).map(numberOf), numbers(MANY));
  });

  run('a PUSH that may linger for a moment only drops what a stalled PULL has not taken', async (rig) => {
    const ours = rig.push({ sendHwm: 0, linger: 1 });
    const theirs = await rig.linked(way, ours, 'PULL', STALLED);
    await rig.connected(1);
    for (let number = 0; number < MANY; number++) ours.socket.send(numbered(number));
    await ours.socket.close();
    assert.ok(rig.counters.messagesDropped > 0);
    await theirs.resume();
    // What was cut off in the middle is not given out: the next message is one of the next peer.
    const successor = rig.push();
    if (way.weBind) await successor.socket.bind(rig.endpoint);
    else successor.socket.connect(rig.endpoint);
    while (!successor.socket.send(parts('next'))) await successor.writable.next();
    const messages: string[] = [];
    while (messages.at(-1) !== 'next') messages.push(text(await theirs.messages.next()));
    messages.pop();
    assert.ok(messages.length < MANY);
    assert.ok(messages.every((message, number) => message === text(numbered(number))));
  });

  if (way.weBind) return;
  run('a PUSH that is closed still delivers when libzmq binds in time', async (rig) => {
    const ours = rig.push({ linger: Number.POSITIVE_INFINITY, reconnectInterval: 1, reconnectMax: 1 });
    ours.socket.connect(rig.endpoint);
    ours.socket.send(parts('late'));
    const closed = ours.socket.close();
    const theirs = await rig.libzmq('PULL', { bind: rig.endpoint });
    assert.deepEqual(await take(theirs, 1), ['late']);
    await closed;
    assert.equal(rig.counters.messagesDropped, 0);
  });
}

/** Checks that these numbers ascend, from 0 on. */
function inOrder(messages: readonly string[]): void {
  assert.equal(messages[0], '0');
  assert.ok(messages.every((message, i) => i === 0 || Number(message) > Number(messages[i - 1])));
}
