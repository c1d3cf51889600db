import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeRecord, type RecordedRequest, type RecordedSpan } from '../../../src/exchange/index.ts';
import { type SpanKind, spanText } from '../../../src/trace/span-text.ts';
import { type DecodedSpan, decodeSpans } from '../../support/otlp.ts';

const SPAN: RecordedSpan = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentId: '',
  state: '',
  observer: { onExchangeEnd() {} },
};

const REQUEST: RecordedRequest = {
  id: '1-1',
  method: 'GET',
  target: '/a/b?token=secret',
  authority: 'App.example:8443',
  version: '1.1',
  headers: ['Host', 'App.example:8443', 'User-Agent', 'a "quoted" \\ agent'],
  peer: { address: '192.0.2.1', port: 40_000 },
};

interface Changes {
  readonly request?: Partial<RecordedRequest>;
  readonly span?: Partial<RecordedSpan>;
  readonly record?: Partial<ExchangeRecord>;
  readonly kind?: SpanKind;
  readonly seconds?: number;
}

function decoded({ request, span, record, kind = 'server', seconds = 1 }: Changes = {}): DecodedSpan {
  const whole = { ...SPAN, ...span };
  const written = Object.assign(new ExchangeRecord({ ...REQUEST, ...request }, null, whole), record);
  const text = spanText(written, whole, kind, written.startedAt + seconds * 1_000);
  const scope = '{"scope":{"name":"holdfast","version":"0.0.0"},"spans":[';
  const body = `{"resourceSpans":[{"resource":{"attributes":[]},"scopeSpans":[${scope}${text}]}]}]}`;
  const [only] = decodeSpans(body).spans;
  return only ?? assert.fail('no span');
}

test('a span says what was asked, by whom, and what came of it', () => {
  const record = { status: 200, route: 'main', origin: 'localhost:8000', originTime: 12.5, responseBytes: 7, items: 3 };
  const { name, kind, attributes, status, start, end } = decoded({ record: { ...record, client: '198.51.100.7' } });
  assert.deepEqual([name, kind, status], ['GET main', 2, 0]);
  assert.equal(end - start, 1_000_000_000n);
  assert.ok(Math.abs(Number(start / 1_000_000n) - Date.now()) < 3_600_000, 'times are since 1970');
  assert.deepEqual(Object.fromEntries(attributes), {
    'http.request.method': 'GET',
    'url.path': '/a/b',
    'server.address': 'app.example',
    'server.port': 8443,
    'http.route': 'main',
    'http.response.status_code': 200,
    'client.address': '198.51.100.7',
    'network.peer.address': '192.0.2.1',
    'network.peer.port': 40_000,
    'network.protocol.version': '1.1',
    'user_agent.original': 'a "quoted" \\ agent',
    'http.request.body.size': 0,
    'http.response.body.size': 7,
    'holdfast.id': '1-1',
    'holdfast.target': 'localhost:8000',
    'holdfast.target.seconds': 0.0125,
    'holdfast.items': 3,
  });
});

test('neither query nor credentials leave', () => {
  const server = decoded();
  const uri = 'https://user:password@app.example/a?key=secret#part';
  const client = decoded({ kind: 'client', request: { target: uri } });
  assert.equal(client.attributes.get('url.full'), 'https://app.example/a');
  assert.equal(client.attributes.get('server.port'), 443);
  for (const { attributes } of [server, client]) {
    assert.doesNotMatch([...attributes.values()].join(' '), /secret|password|token/);
  }
});

test('the parent and the list of vendors are those of the client', () => {
  const { parentSpanId, traceState } = decoded({ span: { parentId: '00f067aa0ba902b8', state: 'a=b "c"' } });
  assert.deepEqual([parentSpanId, traceState], ['00f067aa0ba902b8', 'a=b "c"']);
});

for (const [what, record, kind, failed, type] of [
  ['a status of the origin', { status: 503 }, 'server', true, '503'],
  ['a failure of an origin', { status: 502, error: 'HF_ORIGIN_CLOSED' }, 'server', true, 'HF_ORIGIN_CLOSED'],
  ['a response that was cut off', { status: 200, error: 'HF_ORIGIN_TRUNCATED' }, 'server', true, 'HF_ORIGIN_TRUNCATED'],
  ['a mistake of the client', { status: 404 }, 'server', false, undefined],
  ['a client that left', { status: 200, error: 'HF_CLIENT_GONE' }, 'server', false, undefined],
  ['a request of ours that was refused', { status: 404 }, 'client', true, '404'],
] as const) {
  test(`${what} is ${failed ? 'a' : 'no'} failure of the ${kind}`, () => {
    const { status, attributes } = decoded({ record, kind });
    assert.equal(status, failed ? 2 : 0);
    assert.equal(attributes.get('error.type'), type);
  });
}

test('a method that nobody knows does not become part of a name', () => {
  const { name, attributes } = decoded({ request: { method: 'BREW-42' } });
  assert.equal(name, 'HTTP');
  assert.equal(attributes.get('http.request.method'), '_OTHER');
  assert.equal(attributes.get('http.request.method_original'), 'BREW-42');
});

test('a long text is cut, and any bytes of a client are proper JSON', () => {
  const hostile = `"},{"traceId":"${'\x00\x1f\x7f\xff\u2028'.repeat(1_000)}`;
  const { attributes } = decoded({ request: { headers: ['User-Agent', hostile], target: '', authority: ']:x' } });
  assert.equal(String(attributes.get('user_agent.original')).length, 1_024);
});

test('a WebSocket and a held client say so, with how long they were held', () => {
  const record = { status: 101, webSocket: true };
  assert.equal(decoded({ record }).attributes.get('network.protocol.name'), 'websocket');
  const held = Object.fromEntries(
    decoded({ record: { status: 200, heldAt: performance.now() }, seconds: 100 }).attributes,
  );
  assert.ok(Number(held['holdfast.held.seconds']) > 90);
});
