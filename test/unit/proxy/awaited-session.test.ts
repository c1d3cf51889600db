import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fieldValue, fieldValues } from '../../../src/codec/fields/index.ts';
import type { SessionFields, SessionRule } from '../../../src/codec/grip/index.ts';
import { NO_RESPONDER, type Requester, type RequestHead, UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import type { SessionState } from '../../../src/proxy/index.ts';
import { item, responseFormat, streamFormat, turn } from '../hub/support.ts';
import { TargetsRig } from './support/targets-rig.ts';

const BODY = Buffer.from('{"id":"s1"}');
const RULE: SessionRule = { domain: 'example.com', pathPrefix: '/', sidPtr: '/id', jsonParam: null };

/** A state service that responds when the test says so. */
class FakeState implements SessionState {
  readonly asked: string[] = [];
  readonly noted: SessionFields[] = [];
  readonly told: string[] = [];
  /** Lets the rules come. */
  proceed: () => void = () => {};

  rulesFor(domain: string, path: string, done: (rules: readonly SessionRule[]) => void): void {
    this.asked.push(`${domain} ${path}`);
    this.proceed = () => done([RULE]);
  }

  lastIds(sid: string, done: (lastIds: Readonly<Record<string, string>>) => void): void {
    this.asked.push(sid);
    done({ a: '1', 'b\r\nX: y': '2' });
  }

  note(fields: SessionFields): void {
    this.noted.push(fields);
  }

  delivered(sid: string, channel: string, id: string): void {
    this.told.push(`${sid} ${channel} ${id}`);
  }
}

/** A proxy with such a service, and an origin that takes request bodies and says nothing. */
function started(t: TestContext, route = '*,session') {
  const state = new FakeState();
  const requests: RequestHead[] = [];
  const bodies: Buffer[] = [];
  const errors: string[] = [];
  let origin: Requester | null = null;
  const script = (_target: string, request: RequestHead, requester: Requester) => {
    requests.push(request);
    origin = requester;
    return {
      ...NO_RESPONDER,
      onRequestData: (chunk: Buffer) => bodies.push(chunk),
      onRequestError: () => errors.push('gone'),
    };
  };
  const rig = new TargetsRig(t, [`${route} a:1`], script, {}, state);
  return { rig, state, requests, bodies, errors, origin: () => origin as unknown as Requester };
}

const POST = { method: 'POST', bodyLength: BODY.length };

test('the session of a request is found in its body, and told to the origin', (t) => {
  const { rig, state, requests, bodies, origin } = started(t);
  const client = rig.send({ ...POST, target: '/poll?x=1' });
  assert.deepEqual([client.granted > 0, requests.length], [true, 0]);
  client.responder?.onRequestData(BODY.subarray(0, 4), true);
  client.responder?.onRequestData(BODY.subarray(4), false);
  assert.deepEqual(state.asked, ['example.com /poll']);
  state.proceed();
  assert.deepEqual(state.asked.slice(1), ['s1']);
  const headers = requests[0]?.headers ?? [];
  assert.equal(fieldValue(headers, 'grip-session-id'), 's1');
  assert.deepEqual(fieldValues(headers, 'grip-last'), ['a; last-id=1'], 'what no header can carry is left out');
  assert.equal(requests[0]?.bodyLength, BODY.length);
  assert.deepEqual(bodies, [], 'the origin has granted nothing');
  origin().onRequestCredit(6);
  origin().onRequestCredit(100);
  assert.equal(String(Buffer.concat(bodies)), String(BODY));
  origin().onResponse({ status: 200, reason: '', headers: [], bodyLength: 2 });
  origin().onResponseData(Buffer.from('ok'), false);
  assert.deepEqual(client.response, [200, 'ok']);
});

test('a request without a body, with one over 100,000 bytes, or on another route, is not looked into', (t) => {
  const { rig, state, requests } = started(t);
  rig.send();
  rig.send({ method: 'POST', bodyLength: 100_001 });
  assert.deepEqual([requests.length, state.asked.length], [2, 0]);
  const other = started(t, '*');
  other.rig.send(POST);
  assert.deepEqual([other.requests.length, other.state.asked.length], [1, 0]);
});

test('a body that turns out to be too large goes on without a session', (t) => {
  const { rig, state, requests, bodies, origin } = started(t);
  const client = rig.send({ method: 'POST', bodyLength: UNKNOWN_LENGTH });
  const piece = Buffer.alloc(60_000, 'x');
  client.responder?.onRequestData(piece, true);
  assert.equal(requests.length, 0);
  client.responder?.onRequestData(piece, true);
  assert.deepEqual([requests.length, state.asked.length], [1, 0]);
  assert.equal(fieldValue(requests[0]?.headers ?? [], 'grip-session-id'), undefined);
  const granted = client.granted;
  origin().onRequestCredit(200_000);
  assert.equal(client.granted, Math.max(granted, 200_000));
  client.responder?.onRequestData(piece, false);
  assert.equal(Buffer.concat(bodies).length, 180_000);
});

test('a client that leaves before its session is known is forgotten', (t) => {
  const { rig, state, requests, errors } = started(t);
  const early = rig.send(POST);
  early.leave();
  const late = rig.send(POST);
  late.responder?.onRequestData(BODY, false);
  late.leave();
  state.proceed();
  assert.deepEqual([requests.length, errors.length], [0, 0]);
  const last = rig.send(POST);
  last.responder?.onRequestData(BODY, false);
  state.proceed();
  last.leave();
  assert.deepEqual([requests.length, errors.length], [1, 1]);
});

for (const mode of ['response', 'stream'] as const) {
  test(`the last ids of a held ${mode} are told to the service, by the origin's names of channels`, async (t) => {
    const { rig, state, origin } = started(t, '*,session,prefix=p-');
    const client = rig.send();
    client.onResponsePayload = () => {};
    const headers = ['Grip-Hold', mode, 'Grip-Channel', 'a', 'Grip-Session-Id', 's1', 'Grip-Last', 'a; last-id=1'];
    origin().onResponse({ status: 200, reason: '', headers, bodyLength: 0 });
    origin().onResponseData(Buffer.alloc(0), false);
    assert.deepEqual(
      state.noted.map(({ id, lastIds }) => [id, { ...lastIds }]),
      [['s1', { a: '1' }]],
    );
    const formats = { httpResponse: responseFormat(), httpStream: streamFormat('x') };
    rig.hub.publish([{ ...item('p-a', formats), id: '2' }]);
    await turn();
    assert.deepEqual(state.told, ['s1 a 2']);
    client.leave();
  });
}

test('an exception in what the service says ends that request alone', (t) => {
  const { rig, state } = started(t);
  const client = rig.send(POST);
  client.responder?.onRequestData(BODY, false);
  state.lastIds = () => {
    throw new Error('defect');
  };
  state.proceed();
  assert.equal(client.error?.code ?? client.head?.status, 'HF_INTERNAL');
  assert.equal(rig.counters.faults, 1);
});

test('what the client grants while the session is looked up is granted to the origin once', (t) => {
  let granted = 0;
  const state = new FakeState();
  const script = (_target: string, request: RequestHead) => {
    granted += request.credits;
    return {
      ...NO_RESPONDER,
      onResponseCredit: (bytes: number) => {
        granted += bytes;
      },
    };
  };
  const rig = new TargetsRig(t, ['*,session a:1'], script, {}, state);
  const client = rig.send({ ...POST, credits: 1_000 });
  client.responder?.onRequestData(BODY, false);
  client.responder?.onResponseCredit(500);
  state.proceed();
  assert.equal(granted, 1_500);
  client.responder?.onResponseCredit(70);
  assert.equal(granted, 1_570);
});
