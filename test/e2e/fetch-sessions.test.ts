import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeRequestPacket, RequestPacket } from '../../src/codec/zhttp/index.ts';
import { ending, MODES, type OriginRig, startOriginRig } from '../support/fetch/origin-rig.ts';
import { acceptWebSocket } from '../support/fetch/websocket-origin.ts';
import { type RequesterSession, ZhttpRequester } from '../support/fetch/zhttp-requester.ts';
import type { RawPeer } from '../support/raw-peer.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

const FINE = 'HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfine';

/** An origin that says when it has been asked, and what; the test answers. */
async function waitingOrigin(
  rig: OriginRig,
): Promise<{ uri: string; asked: Arrivals<{ head: string; peer: RawPeer }> }> {
  const asked = new Arrivals<{ head: string; peer: RawPeer }>();
  const authority = await rig.scripted(async (peer) => {
    for (;;) asked.add({ head: await peer.take(), peer });
  });
  return { uri: `http://${authority}/`, asked };
}

test('a session lives while its requester sends keep-alives, and sends some', async (t) => {
  const rig = await startOriginRig(t, ['session_timeout = 1']);
  const { uri, asked } = await waitingOrigin(rig);
  const open = await rig.scripted((peer) => acceptWebSocket(peer));
  const sessions = [await rig.ask({ uri }), await rig.ask({ uri: `ws://${open}/` })];
  const { peer } = await asked.next();
  const lives = async (session: RequesterSession) => {
    // The first one says that the request has come.
    for (let signs = 0; signs < 3; ) {
      if ((await session.nextAny()).type !== 'keep-alive') continue;
      signs++;
      await session.send({ type: 'keep-alive' });
    }
  };
  await Promise.all(sessions.map(lives));
  peer.write(FINE);
  assert.equal(await ending(sessions[0] as RequesterSession), '200 fine');
  // From now on the other one hears nothing.
  const { id, code } = await rig.running.program.logged('request failed');
  assert.deepEqual([id, code], [sessions[1]?.id, 'HF_CLIENT_GONE']);
  const { zhttp } = await rig.stop();
  assert.deepEqual([zhttp.sessionsExpired, zhttp.sessionsFailed], [1, 1]);
});

test('a silent requester gets no packet, and its connection to the origin is closed', async (t) => {
  const rig = await startOriginRig(t, ['session_timeout = 0.3']);
  const { uri, asked } = await waitingOrigin(rig);
  const session = await rig.ask({ uri });
  const { peer } = await asked.next();
  await peer.ended;
  await session.send({ type: 'keep-alive' });
  // It learns of it when it says something.
  assert.equal(await ending(session), 'cancel');
  assert.ok(rig.requester.frames.every((frame) => !frame.includes('5:error')));
  await rig.stop();
});

test('beyond max_open_requests requests wait, none is lost, and all modes get their turn', async (t) => {
  const rig = await startOriginRig(t, ['max_open_requests = 3']);
  const { uri, asked } = await waitingOrigin(rig);
  const outcomes: Promise<string>[] = [];
  for (let i = 0; i < 30; i++) outcomes.push(rig.outcome(MODES[i % 3] ?? 'req', { uri: `${uri}${i}` }));
  for (let round = 0; round < 10; round++) {
    const waiting = await asked.take(3);
    // Time enough for a fourth one to arrive.
    await settle(rig);
    assert.deepEqual(asked.all, []);
    for (const { peer } of waiting) peer.write(FINE);
  }
  assert.deepEqual(await Promise.all(outcomes), new Array(30).fill('200 fine'));
  const { zhttp } = await rig.stop();
  assert.equal(zhttp.sessionsFailed, 0);
});

/** Resolves when the program has answered a packet for a session that there is not, which came behind all that was sent before. */
async function settle(rig: OriginRig): Promise<void> {
  const packet = Object.assign(new RequestPacket(), {
    from: 'me',
    ids: [{ id: 'settle', seq: 0 }],
    type: 'keep-alive',
  });
  await rig.requester.sendTo(rig.running.id, encodeRequestPacket(packet as RequestPacket));
  await rig.requester.strays.next();
}

test('one packet may be for many sessions, both ways', async (t) => {
  const rig = await startOriginRig(t, ['session_timeout = 2']);
  const { uri, asked } = await waitingOrigin(rig);
  // So many that several are looked at together.
  const sessions: RequesterSession[] = [];
  for (let i = 0; i < 40; i++) sessions.push(await rig.ask({ uri, multi: true, credits: 0 }));
  const [first, second, third] = sessions as [RequesterSession, RequesterSession, RequesterSession];
  const peers = (await asked.take(40)).map(({ peer }) => peer);
  for (const session of sessions) assert.equal((await session.nextAny()).multi, true);
  // A sign of life for some of them.
  const together = await first.nextAny();
  assert.equal(together.type, 'keep-alive');
  assert.ok(together.ids.length > 1);
  for (const peer of peers) peer.write(FINE);
  for (const session of sessions) assert.equal((await session.next('data')).more, true);
  const refs = (those: readonly RequesterSession[]) => those.map((session) => session.nextRef());
  await first.send({ type: 'credit', credits: 2, ids: refs(sessions) });
  for (const session of sessions) assert.equal((await session.next('data')).body.toString(), 'fi');
  await first.send({ type: 'credit', credits: 10, ids: refs([first, second]) });
  assert.deepEqual([await ending(first), await ending(second)], ['0 ne', '0 ne']);
  await third.send({ type: 'cancel', ids: refs(sessions.slice(2)) });
  const { zhttp } = await rig.stop();
  assert.deepEqual([zhttp.sessionsCancelled, zhttp.sessionsExpired], [38, 0]);
});

test('with router-resp every packet comes over the ROUTER socket, and nothing is published', async (t) => {
  const rig = await startOriginRig(t);
  const { uri, asked } = await waitingOrigin(rig);
  const session = await rig.ask({ uri, routerResp: true, credits: 2 });
  assert.equal((await session.nextAny()).type, 'keep-alive');
  const { peer } = await asked.next();
  peer.write(FINE);
  assert.equal((await session.next('data')).body.toString(), 'fi');
  await session.send({ type: 'credit', credits: 10 });
  assert.equal(await ending(session), '0 ne');
  const refused = await rig.ask({ uri: 'http://[::1/', routerResp: true });
  assert.equal(await ending(refused), 'bad-request');
  assert.ok(rig.requester.routed.length >= 5);
  assert.deepEqual(rig.requester.routed, rig.requester.frames);
  assert.ok(rig.requester.routed.every((payload) => payload.toString('latin1', 0, 1) === 'T'));
  await rig.stop();
});

test('a request in JSON gets JSON, whatever the format of further packets', async (t) => {
  const rig = await startOriginRig(t);
  const { uri, asked } = await waitingOrigin(rig);
  const session = await rig.requester.ask('j1', { method: 'POST', uri, stream: true, credits: 100, more: true }, 'J');
  await session.hasCredits(200_000);
  await session.send({ body: Buffer.from('hellö'), more: true });
  await session.send({});
  const { peer } = await asked.next();
  assert.equal((await asked.next()).head, '6\r\nhell\xc3\xb6\r\n0\r\n\r\n');
  peer.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n\xc3\xa4');
  assert.equal(await ending(session), '200 ä');
  assert.ok(rig.requester.frames.every((frame) => frame.toString('latin1').startsWith('me J{')));
  await rig.stop();
});

test('a handed over session is continued by its new requester', async (t) => {
  const rig = await startOriginRig(t);
  const { uri, asked } = await waitingOrigin(rig);
  const session = await rig.ask({ uri, credits: 2 });
  await session.nextAny();
  const { peer } = await asked.next();
  await session.send({ type: 'handoff-start' });
  await session.next('handoff-proceed');
  // Nothing is sent until the new requester is heard of.
  peer.write(FINE);
  const heir = await ZhttpRequester.start(t, rig.running.endpoints, 'heir');
  const packet = { from: 'heir', ids: [session.nextRef()], type: 'credit', credits: 10 };
  await heir.sendTo(rig.running.id, encodeRequestPacket(Object.assign(new RequestPacket(), packet) as RequestPacket));
  const chunks = [];
  for (let more = true; more; ) {
    const data = await heir.strays.next();
    assert.equal(data.type, 'data');
    chunks.push(data.body);
    ({ more } = data);
  }
  assert.equal(Buffer.concat(chunks).toString(), 'fine');
  heir.close();
  await rig.stop();
});

test('a thousand concurrent requests in every mode all get their own response', async (t) => {
  const rig = await startOriginRig(t);
  const authority = await rig.scripted(async (peer) => {
    for (;;) {
      const [, path = ''] = /^GET (\S+)/.exec(await peer.take()) ?? [];
      peer.write(`HTTP/1.1 200 OK\r\nContent-Length: ${path.length}\r\n\r\n${path}`);
    }
  });
  const outcomes = Array.from({ length: 1_000 }, (_, i) => {
    return rig.outcome(MODES[i % 3] ?? 'req', { uri: `http://${authority}/${i}` });
  });
  assert.deepEqual(
    await Promise.all(outcomes),
    outcomes.map((_, i) => `200 /${i}`),
  );
  await rig.stop();
});
