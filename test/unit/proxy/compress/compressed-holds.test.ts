import assert from 'node:assert/strict';
import { syncBuiltinESMExports } from 'node:module';
import { type TestContext, test } from 'node:test';
import zlib from 'node:zlib';
import { fieldValue } from '../../../../src/codec/fields/index.ts';
import { NO_RESPONDER, type Requester, UNKNOWN_LENGTH } from '../../../../src/exchange/index.ts';
import { BLOCK_BYTES } from '../../../../src/proxy/compress/shared-blocks.ts';
import { prepareRoutes, RouteTable, type SessionState, UpstreamTrust } from '../../../../src/proxy/index.ts';
import type { FakeRequester } from '../../../support/exchange/fake-requester.ts';
import { configOf } from '../../../support/running-app.ts';
import { responseItem, streamItem } from '../../hub/support.ts';
import { routeMeans } from '../support/route-means.ts';
import { TargetsRig } from '../support/targets-rig.ts';

const BODY = Buffer.from('{}');
const ACCEPT = ['Host', 'example.com', 'Accept-Encoding', 'br, gzip'];
const COMPRESS = { codings: ['br' as const, 'gzip' as const], types: ['text/*'], minBytes: 0 };

/** A state service without rules. */
const SESSIONS: SessionState = {
  rulesFor: (_domain, _path, done) => done([]),
  lastIds: (_sid, done) => done({}),
  note: () => {},
  delivered: () => {},
};

/** A proxy with one route, which compresses; `origin` is the requester of the request at its target. */
function compressing(t: TestContext, line: string, trust: UpstreamTrust | null = null) {
  const rig = new TargetsRig(t, [line], () => NO_RESPONDER, {}, SESSIONS);
  let origin: Requester | null = null;
  const means = routeMeans({
    serviceOf: () => (_request, requester) => {
      origin = requester;
      return NO_RESPONDER;
    },
  });
  const config = configOf([line], { publish: { state: ['ipc://state'] } });
  const routes = config.routes.map((route) => ({ ...route, compress: COMPRESS }));
  const table = new RouteTable(prepareRoutes({ ...config, routes }, means));
  rig.settings.current = { ...rig.settings.current, routes: table, trust };
  return { rig, origin: () => origin as unknown as Requester, asked: () => origin !== null };
}

function codingOf(client: FakeRequester): string | undefined {
  return fieldValue(client.head?.headers ?? [], 'content-encoding');
}

for (const line of ['* a:1', '*,session a:1']) {
  test(`a held stream has no encoder of its own: ${line}`, (t) => {
    const { rig, origin } = compressing(t, line);
    const client = rig.send({ method: 'POST', bodyLength: BODY.length, headers: ACCEPT });
    client.responder?.onRequestData(BODY, false);
    const headers = ['Content-Type', 'text/event-stream', 'Grip-Hold', 'stream', 'Grip-Channel', 'a'];
    origin().onResponse({ status: 200, reason: '', bodyLength: 0, headers });
    origin().onResponseData(Buffer.alloc(0), false);
    assert.equal(codingOf(client), 'gzip');
  });

  test(`a plain response has the coding that the client prefers: ${line}`, (t) => {
    const { rig, origin } = compressing(t, line);
    const client = rig.send({ method: 'POST', bodyLength: BODY.length, headers: ACCEPT });
    client.responder?.onRequestData(BODY, false);
    origin().onResponse({
      status: 200,
      reason: '',
      bodyLength: UNKNOWN_LENGTH,
      headers: ['Content-Type', 'text/plain'],
    });
    assert.equal(codingOf(client), 'br');
    client.leave();
  });
}

test('a plain response has the coding that the client prefers after a signature was looked at too', async (t) => {
  const { rig, origin, asked } = compressing(t, '* a:1', new UpstreamTrust(Buffer.from('secret')));
  const client = rig.send({ headers: [...ACCEPT, 'Grip-Sig', 'nonsense'] });
  assert.equal(asked(), false);
  while (!asked()) await new Promise(setImmediate);
  origin().onResponse({ status: 200, reason: '', bodyLength: UNKNOWN_LENGTH, headers: ['Content-Type', 'text/plain'] });
  assert.equal(codingOf(client), 'br');
  client.leave();
});

/** Counts what is compressed at once from now on. */
function compressions(t: TestContext): () => number {
  const { mock } = t.mock.method(zlib, 'deflateRawSync');
  syncBuiltinESMExports();
  t.after(() => {
    mock.restore();
    syncBuiltinESMExports();
  });
  return () => mock.callCount();
}

for (const hold of ['stream', 'response']) {
  test(`clients at different places of an item share its blocks: ${hold}`, async (t) => {
    const { rig, origin } = compressing(t, '* a:1');
    const clients = Array.from({ length: 20 }, (_, i) => {
      const client = rig.send({ headers: ACCEPT, credits: i === 0 ? 10 : 1_000 + 3_333 * i });
      client.onResponsePayload = (payload) => client.onResponseData(payload.body, true);
      const headers = ['Content-Type', 'text/plain', 'Grip-Hold', hold, 'Grip-Channel', 'a'];
      origin().onResponse({ status: 200, reason: '', bodyLength: 0, headers });
      origin().onResponseData(Buffer.alloc(0), false);
      return client;
    });
    const item = noise(300_000);
    const compressed = compressions(t);
    rig.hub.publish([hold === 'stream' ? streamItem('a', item) : responseItem('a', item)]);
    for (const client of clients.slice(1)) await client.until(() => Buffer.concat(client.chunks).length > 10);
    // Each takes as much as it likes at a time.
    for (let left = 1; left > 0; ) {
      left = 0;
      for (const [i, client] of clients.entries()) {
        const before = client.calls.length;
        client.grant(2_000 + 1_777 * i);
        if (client.calls.length > before) left++;
      }
    }
    assert.equal(compressed(), Math.ceil(item.length / BLOCK_BYTES));
    const inflated = { finishFlush: zlib.constants.Z_SYNC_FLUSH };
    for (const client of clients) {
      assert.equal(client.complete, hold === 'response');
      assert.ok(zlib.gunzipSync(Buffer.concat(client.chunks), inflated).equals(Buffer.from(item)));
    }
    for (const client of clients) if (!client.complete) client.leave();
  });
}

/** Text that can hardly be compressed. */
function noise(length: number): string {
  let state = 1;
  return Array.from({ length }, () => {
    state = (state * 48_271) % 2_147_483_647;
    return String.fromCharCode(33 + (state % 90));
  }).join('');
}
