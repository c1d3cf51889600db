import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type EdgeRig, edgeRig, type Opened } from '../../support/zhttp/edge-rig.ts';

/** An exchange whose handler `h1` has just handed it off. */
function handedOff(rig: EdgeRig, opened: Opened = rig.openWebSocket()): Opened {
  rig.link.respond(opened.id, { type: 'handoff-start' });
  rig.link.take();
  return opened;
}

test('a handoff is acknowledged in sequence, before and after the response has begun', (t) => {
  const rig = edgeRig(t);
  for (const begun of [false, true]) {
    const { id } = rig.request();
    if (begun) rig.link.respond(id, { code: 200, more: true });
    rig.link.respond(id, { type: 'handoff-start' });
    assert.deepEqual(rig.link.take(), [`h1 ${id}#1 handoff-proceed`]);
  }
});

test('collected credits are granted before a handoff', (t) => {
  const rig = edgeRig(t);
  const { id } = rig.request();
  rig.link.respond(id, { code: 200, body: 'abc', more: true });
  rig.link.respond(id, { type: 'handoff-start' });
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 credit 3', 'h1 e-0-0#2 handoff-proceed']);
});

test('nothing is sent during a handoff, and nothing of the client is lost', (t) => {
  const rig = edgeRig(t);
  const { client, id } = handedOff(rig);
  client.message('one', true);
  client.message('two');
  client.ping('p');
  client.close(1000, 'bye');
  rig.advance(50);
  assert.deepEqual(rig.link.take(), []);
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  assert.deepEqual(rig.link.take(), [
    'h2 e-0-0#2 data text "one" more',
    'h2 e-0-0#3 data text "two"',
    'h2 e-0-0#4 ping "p"',
    'h2 e-0-0#5 close 1000 "bye"',
  ]);
});

test('the new owner continues the numbers of the old one, and may hand off again', (t) => {
  const rig = edgeRig(t);
  const { client, id } = handedOff(rig, rig.request());
  rig.link.respond(id, { code: 200, body: 'a', more: true }, 'h2');
  rig.link.respond(id, { type: 'handoff-start' }, 'h2');
  rig.link.respond(id, { body: 'b' }, 'h3');
  assert.deepEqual(client.take(), ['head 200', 'data "a" more', 'data "b"']);
  assert.deepEqual(rig.link.take(), ['h2 e-0-0#2 credit 1', 'h2 e-0-0#3 handoff-proceed']);
});

test('a new owner that hands off at once passes on what waited for it', (t) => {
  const rig = edgeRig(t);
  const { client, id } = handedOff(rig);
  client.message('one');
  rig.link.respond(id, { type: 'handoff-start' }, 'h2');
  client.message('two');
  rig.link.respond(id, { type: 'keep-alive' }, 'h3');
  assert.deepEqual(rig.link.take(), [
    'h2 e-0-0#2 data text "one"',
    'h2 e-0-0#3 handoff-proceed',
    'h3 e-0-0#4 data text "two"',
  ]);
});

test('what the client takes during a handoff is granted to the new owner', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.request();
  client.greedy = false;
  rig.link.respond(id, { code: 200, body: 'x'.repeat(100), more: true });
  handedOff(rig, { client, id });
  client.grant(60);
  rig.advance(1);
  client.grant(40);
  rig.advance(1);
  assert.deepEqual(rig.link.take(), []);
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  assert.deepEqual(rig.link.take(), ['h2 e-0-0#2 credit 100']);
});

test('a session moves to the address that its packets come from', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  client.message('x');
  assert.deepEqual(rig.link.take(), ['h2 e-0-0#1 data text "x"']);
});

test('the new owner gets a cancel if the client left during the handoff', (t) => {
  const rig = edgeRig(t);
  const { client, id } = handedOff(rig);
  client.message('not wanted any more');
  client.leave();
  assert.deepEqual(rig.link.take(), []);
  assert.deepEqual(rig.link.withdrawn, []);
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  assert.deepEqual(rig.link.take(), ['h2 e-0-0#2 cancel']);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a session that no handler takes over ends without a packet to the old one', (t) => {
  const rig = edgeRig(t);
  const here = handedOff(rig).client;
  handedOff(rig).client.leave();
  rig.advance(62);
  assert.deepEqual(here.take(), ['error HF_BACKEND_TIMEOUT']);
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a handler that cancels a session which it has handed off ends it', (t) => {
  const rig = edgeRig(t);
  const { client, id } = handedOff(rig);
  rig.link.respond(id, { type: 'cancel' });
  assert.deepEqual(client.take(), ['error HF_BACKEND_CANCELLED']);
});

test('a new owner with a wrong number gets a cancel', (t) => {
  const rig = edgeRig(t);
  const { client, id } = handedOff(rig);
  rig.link.respondAll([[id, 0]], { type: 'keep-alive', from: 'h2' });
  assert.deepEqual(client.take(), ['error HF_BACKEND_PROTOCOL']);
  assert.deepEqual(rig.link.take(), ['h2 e-0-0#2 cancel']);
});

test('a client is paused during a handoff, and cut off at 256 KB if it keeps sending', (t) => {
  const rig = edgeRig(t);
  const { client } = handedOff(rig);
  assert.equal(client.paused, true);
  for (let sent = 0; sent < 1_024; sent++) client.message('');
  assert.deepEqual(client.take(), []);
  client.message('');
  assert.deepEqual(client.take(), ['error HF_BACKEND_OVERLOADED']);
  assert.deepEqual(rig.link.take(), []);
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a new owner that does not take what waited for it loses the session, once', (t) => {
  const rig = edgeRig(t);
  for (const type of ['keep-alive', 'handoff-start', 'data'] as const) {
    const { client, id } = handedOff(rig);
    client.message('one');
    client.message('two');
    rig.link.onRouted = () => rig.link.lose(id);
    rig.link.respond(id, { type, body: 'x' }, 'h2');
    assert.deepEqual(client.take(), ['error HF_BACKEND_OVERLOADED']);
    assert.deepEqual(rig.link.take(), [`h2 ${id}#2 data text "one"`, `h2 ${id}#3 cancel`]);
    rig.link.onRouted = () => {};
  }
  assert.equal(rig.counters.sessionsOpen, 0);
});

test('a handler that does not take handoff-proceed loses the session', (t) => {
  const rig = edgeRig(t);
  const { client, id } = rig.openWebSocket();
  rig.link.onRouted = () => rig.link.lose(id);
  rig.link.respond(id, { type: 'handoff-start' });
  assert.deepEqual(client.take(), ['error HF_BACKEND_OVERLOADED']);
  assert.deepEqual(rig.link.take(), ['h1 e-0-0#1 handoff-proceed', 'h1 e-0-0#2 cancel']);
  rig.link.respond(id, { type: 'keep-alive' }, 'h2');
  assert.equal(rig.counters.packetsUnclaimed, 1);
});

test('the new owner gets packets for many sessions only if it allows them itself', (t) => {
  const rig = edgeRig(t);
  for (const multi of [false, true]) {
    const all = Array.from({ length: 20 }, () => rig.openWebSocket());
    for (const { id } of all) {
      rig.link.respond(id, { type: 'handoff-start', multi: true });
      rig.link.respond(id, { type: 'keep-alive', multi }, 'h2');
    }
    rig.link.routed.length = 0;
    rig.advance(30);
    for (const { id } of all) rig.link.respond(id, { type: 'keep-alive' }, 'h2');
    rig.advance(17);
    const sizes = rig.link.routed.splice(0).map(({ packet }) => packet.ids.length);
    assert.deepEqual(sizes, multi ? Array(10).fill(2) : Array(20).fill(1));
    for (const { client } of all) client.leave();
    rig.link.routed.length = 0;
  }
});
