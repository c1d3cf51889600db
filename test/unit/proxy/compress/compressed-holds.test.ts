import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fieldValue } from '../../../../src/codec/fields/index.ts';
import { NO_RESPONDER, type Requester, UNKNOWN_LENGTH } from '../../../../src/exchange/index.ts';
import { prepareRoutes, RouteTable, type SessionState, UpstreamTrust } from '../../../../src/proxy/index.ts';
import type { FakeRequester } from '../../../support/exchange/fake-requester.ts';
import { configOf } from '../../../support/running-app.ts';
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
  const config = configOf([line]);
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
