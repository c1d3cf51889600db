import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { LibzmqSocket } from '../support/zmq/libzmq-peer.ts';
import { forEachLibzmq, nextOf, type Run, WAYS, type Way } from '../support/zmq/libzmq-rig.ts';
import { parts, text } from '../support/zmq/zmq-rig.ts';

/** Short, of many parts and empty ones, around the limits of frame sizes, and of several megabytes. */
const MESSAGES: Buffer[][] = [
  parts('hello'),
  parts('hello', '', 'a', ''),
  [Buffer.from('hello'), Buffer.alloc(255, 1), Buffer.alloc(256, 2), Buffer.alloc(16_384, 3)],
  [Buffer.from('hello'), Buffer.alloc(1_500_000, 4), Buffer.alloc(1), Buffer.alloc(1_000_000, 5)],
];

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

/** What follows the envelope of the next message. */
const nextBehind = (envelope: string, messages: () => Promise<string>) => async () => {
  const message = await messages();
  assert.ok(message.startsWith(`${envelope}|`), 'the envelope');
  return message.slice(envelope.length + 1);
};

forEachLibzmq((run) => {
  for (const way of WAYS) describe(way.name, () => everyType(run, way));
});

/** Each of our types with each type of libzmq that it talks to. */
function everyType(run: Run, way: Way): void {
  run('PUSH sends to PULL', async (rig) => {
    const ours = rig.push();
    const theirs = await rig.linked(way, ours, 'PULL');
    await goes((message) => ours.socket.send(message), ours.writable, nextOf(theirs));
  });

  run('PULL takes from PUSH', async (rig) => {
    const ours = rig.pull();
    const theirs = await rig.linked(way, ours, 'PUSH');
    await comes(theirs, () => ours.messages.next());
  });

  run('XPUB publishes to SUB and tells its subscriptions', async (rig) => {
    const ours = rig.xpub();
    const theirs = await rig.linked(way, ours, 'SUB', { subscribe: ['hello', 'x'] });
    assert.deepEqual((await ours.messages.take(2)).sort(), ['+hello', '+x']);
    const send = (message: Buffer[]) => {
      ours.socket.send(parts('unwanted'));
      ours.socket.send(message);
      return true;
    };
    await goes(send, ours.writable, nextOf(theirs));
    await theirs.unsubscribe('x');
    assert.equal(await ours.messages.next(), '-x');
    await theirs.subscribe('y');
    assert.equal(await ours.messages.next(), '+y');
  });

  run('PUB publishes to SUB', async (rig) => {
    const ours = rig.pub();
    const theirs = await rig.linked(way, ours, 'SUB', { subscribe: ['hello', 'probe'] });
    // A PUB does not tell when its first subscriber is there.
    while (theirs.messages.all.length === 0) {
      ours.socket.send(parts('probe'));
      await rig.process.version();
    }
    ours.socket.send(parts('probe', 'end'));
    while ((await theirs.messages.next()).length === 1);
    await goes(
      (message) => {
        ours.socket.send(message);
        return true;
      },
      ours.writable,
      nextOf(theirs),
    );
  });

  run('SUB takes from XPUB, which sees its subscriptions', async (rig) => {
    const ours = rig.sub();
    ours.socket.subscribe('hello');
    const theirs = await rig.linked(way, ours, 'XPUB');
    assert.equal(await nextOf(theirs)(), '\x01hello');
    ours.socket.subscribe('x');
    ours.socket.unsubscribe('x');
    assert.equal(await nextOf(theirs)(), '\x01x');
    assert.equal(await nextOf(theirs)(), '\x00x');
    await theirs.send(parts('unwanted'));
    await comes(theirs, () => ours.messages.next());
  });

  run('SUB takes from PUB', async (rig) => {
    const ours = rig.sub();
    ours.socket.subscribe('');
    const theirs = await rig.linked(way, ours, 'PUB');
    while (ours.messages.all.length === 0) await theirs.send(parts('probe'));
    await theirs.send(parts('end'));
    while ((await ours.messages.next()) !== 'end');
    await comes(theirs, () => ours.messages.next());
  });

  run('ROUTER and DEALER talk both ways', async (rig) => {
    const ours = rig.router({ mandatory: true });
    const theirs = await rig.linked(way, ours, 'DEALER', { options: { ROUTING_ID: 'them' } });
    await comes(
      theirs,
      nextBehind('them', () => ours.messages.next()),
    );
    await goes((message) => ours.socket.send([...parts('them'), ...message]), ours.writable, nextOf(theirs));
  });

  run('ROUTER names a peer that has no name', async (rig) => {
    const ours = rig.router();
    const theirs = await rig.linked(way, ours, 'DEALER');
    await theirs.sendSurely(parts('hello'));
    const [id = '', message] = (await ours.messages.next()).split('|hello');
    assert.equal(message, '');
    assert.equal(id.length, 5);
    assert.equal(id[0], '\0');
    ours.socket.send(parts(id, 'back'));
    assert.equal(await nextOf(theirs)(), 'back');
  });

  run('ROUTER and ROUTER talk both ways', async (rig) => {
    const ours = rig.router({ routingId: Buffer.from('us'), mandatory: true });
    const options = { ROUTING_ID: 'them', ROUTER_MANDATORY: 1 };
    const theirs = await rig.linked(way, ours, 'ROUTER', { options });
    await rig.connected(1);
    await goes(
      (message) => ours.socket.send([...parts('them'), ...message]),
      ours.writable,
      nextBehind('us', nextOf(theirs)),
    );
    await comes(
      theirs,
      nextBehind('them', () => ours.messages.next()),
      (message) => [...parts('us'), ...message],
    );
  });

  run('DEALER and ROUTER talk both ways', async (rig) => {
    const ours = rig.dealer({ routingId: Buffer.from('us') });
    const theirs = await rig.linked(way, ours, 'ROUTER');
    await goes((message) => ours.socket.send(message), ours.writable, nextBehind('us', nextOf(theirs)));
    await comes(
      theirs,
      () => ours.messages.next(),
      (message) => [...parts('us'), ...message],
    );
  });

  run('DEALER and DEALER talk both ways', async (rig) => {
    const ours = rig.dealer();
    const theirs = await rig.linked(way, ours, 'DEALER');
    await goes((message) => ours.socket.send(message), ours.writable, nextOf(theirs));
    await comes(theirs, () => ours.messages.next());
  });

  run('REQ asks REP', async (rig) => {
    const ours = rig.req();
    const theirs = await rig.linked(way, ours, 'REP');
    for (const message of MESSAGES) {
      while (!ours.socket.send(message)) await ours.writable.next();
      assert.ok((await nextOf(theirs)()) === text(message));
      await theirs.sendSurely(message);
      assert.ok((await ours.messages.next()) === text(message));
    }
  });

  run('REQ asks ROUTER', async (rig) => {
    const ours = rig.req({ routingId: Buffer.from('us') });
    const theirs = await rig.linked(way, ours, 'ROUTER');
    while (!ours.socket.send(parts('question'))) await ours.writable.next();
    assert.equal(await nextOf(theirs)(), 'us||question');
    await theirs.sendSurely(parts('us', '', 'answer', 'more'));
    assert.equal(await ours.messages.next(), 'answer|more');
  });

  run('REP answers REQ', async (rig) => {
    const ours = rig.rep();
    const theirs = await rig.linked(way, ours, 'REQ');
    for (const message of MESSAGES) {
      await theirs.sendSurely(message);
      assert.ok((await ours.messages.next()) === text(message));
      assert.equal(ours.socket.send(message), true);
      assert.ok((await nextOf(theirs)()) === text(message));
    }
  });

  run('REP answers DEALER, each request in its envelope', async (rig) => {
    const ours = rig.rep();
    const theirs = await rig.linked(way, ours, 'DEALER');
    await theirs.sendSurely(parts('a', 'b', '', 'one'));
    await theirs.sendSurely(parts('', 'two'));
    assert.equal(await ours.messages.next(), 'one');
    ours.socket.send(parts('1'));
    assert.equal(await nextOf(theirs)(), 'a|b||1');
    assert.equal(await ours.messages.next(), 'two');
    ours.socket.send(parts('2'));
    assert.equal(await nextOf(theirs)(), '|2');
  });

  run('many small messages arrive in order, each way', async (rig) => {
    const ours = rig.dealer({ sendHwm: 100 });
    const theirs = await rig.linked(way, ours, 'DEALER');
    const numbers = Array.from({ length: 2_000 }, (_, index) => String(index));
    for (const number of numbers) while (!ours.socket.send(parts(number))) await ours.writable.next();
    for (const number of numbers) assert.equal(await nextOf(theirs)(), number);
    // So many commands to the process at a time that libzmq gathers several messages in one write.
    await Promise.all(numbers.slice(0, 500).map((number) => theirs.sendSurely(parts(number))));
    assert.deepEqual(await ours.messages.take(500), numbers.slice(0, 500));
  });

  run('ROUTER answers REQ', async (rig) => {
    const ours = rig.router();
    const theirs = await rig.linked(way, ours, 'REQ', { options: { ROUTING_ID: 'them' } });
    await theirs.sendSurely(parts('question', ''));
    assert.equal(await ours.messages.next(), 'them||question|');
    ours.socket.send(parts('them', '', 'answer', '', 'more'));
    assert.equal(await nextOf(theirs)(), 'answer||more');
  });

  run('DEALER asks REP, in an envelope of its own', async (rig) => {
    const ours = rig.dealer();
    const theirs = await rig.linked(way, ours, 'REP');
    while (!ours.socket.send(parts('a', 'b', '', 'question'))) await ours.writable.next();
    assert.equal(await nextOf(theirs)(), 'question');
    await theirs.sendSurely(parts('answer', ''));
    assert.equal(await ours.messages.next(), 'a|b||answer|');
  });

  run('XPUB publishes to XSUB, and count what it sends that is no subscription', async (rig) => {
    const ours = rig.xpub();
    const theirs = await rig.linked(way, ours, 'XSUB');
    await theirs.sendSurely(parts('\x01a'));
    assert.equal(await ours.messages.next(), '+a');
    ours.socket.send(parts('a', 'b'));
    assert.equal(await nextOf(theirs)(), 'a|b');
    await theirs.sendSurely(parts('hello'));
    await theirs.sendSurely(parts('\x00a'));
    assert.equal(await ours.messages.next(), '-a');
    assert.equal(rig.counters.messagesUnexpected, 1);
  });
}
