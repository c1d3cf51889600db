import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseTraceparent, SAMPLED } from '../../../src/codec/trace-context/index.ts';
import type { ExchangeObserver, ExchangeRecord } from '../../../src/exchange/index.ts';
import { type Tracing, tracedFields } from '../../../src/server/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { startServer } from '../../support/running-server.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SAMPLED_PARENT = `00-${TRACE}-${PARENT}-01`;
const UNSAMPLED_PARENT = `00-${TRACE}-${PARENT}-00`;

class Records implements ExchangeObserver {
  readonly all: ExchangeRecord[] = [];

  onExchangeEnd(record: ExchangeRecord): void {
    this.all.push(record);
  }
}

function tracing(changes: Partial<Tracing> = {}): Tracing {
  return { accept: true, sample: 1, observer: new Records(), ...changes };
}

test('a recorded trace goes on with a span of its own, and keeps its list of vendors', () => {
  const headers = ['Host', 'h', 'Traceparent', SAMPLED_PARENT, 'tracestate', 'a=b', 'Tracestate', 'c=d'];
  const { headers: kept, ownFields, span } = tracedFields(headers, tracing());
  assert.deepEqual(kept, ['Host', 'h', 'tracestate', 'a=b', 'Tracestate', 'c=d']);
  const [name, value = ''] = ownFields;
  assert.equal(name, 'traceparent');
  const next = parseTraceparent(value);
  assert.deepEqual([next?.traceId, next?.flags], [TRACE, SAMPLED]);
  assert.notEqual(next?.parentId, PARENT);
  assert.equal(span?.spanId, next?.parentId);
  assert.deepEqual([span?.parentId, span?.state], [PARENT, 'a=b,c=d']);
});

test('the decision of the client not to record is respected, whatever share is recorded here', () => {
  const headers = ['Host', 'h', 'traceparent', UNSAMPLED_PARENT];
  const { headers: kept, ownFields, span } = tracedFields(headers, tracing({ sample: 1 }));
  assert.equal(kept, headers, 'the list stays the same object');
  assert.deepEqual(ownFields, []);
  assert.equal(span, null);
});

test('where nothing is recorded a trace passes as it came', () => {
  const headers = ['Host', 'h', 'traceparent', SAMPLED_PARENT];
  const { headers: kept, ownFields, span } = tracedFields(headers, tracing({ observer: null }));
  assert.equal(kept, headers);
  assert.deepEqual(ownFields, []);
  assert.equal(span, null);
});

for (const [what, headers] of [
  ['without a traceparent', ['Host', 'h']],
  ['with one that is not valid', ['Host', 'h', 'traceparent', `${SAMPLED_PARENT}-x`, 'tracestate', 'a=b']],
  ['with two', ['Host', 'h', 'traceparent', SAMPLED_PARENT, 'Traceparent', SAMPLED_PARENT, 'tracestate', 'a=b']],
  ['with a tracestate alone', ['Host', 'h', 'tracestate', 'a=b']],
] as const) {
  test(`a request ${what} begins a trace`, () => {
    const { headers: kept, ownFields, span } = tracedFields(headers, tracing());
    assert.deepEqual(kept, ['Host', 'h']);
    const begun = parseTraceparent(ownFields[1] ?? '');
    assert.notEqual(begun, null);
    assert.notEqual(begun?.traceId, TRACE);
    assert.deepEqual(
      [span?.traceId, span?.spanId, span?.parentId, span?.state],
      [begun?.traceId, begun?.parentId, '', ''],
    );
  });
}

test('fields without a traceparent stay the same list, so that what was made of it is found again', () => {
  const headers = ['Host', 'h'];
  assert.equal(tracedFields(headers, tracing()).headers, headers);
});

test('a tracestate that is not valid is dropped, also where the trace passes as it came', () => {
  for (const observer of [new Records(), null]) {
    const headers = ['traceparent', SAMPLED_PARENT, 'tracestate', 'A=b', 'Host', 'h'];
    const { headers: kept } = tracedFields(headers, tracing({ observer }));
    assert.equal(kept.includes('A=b'), false);
    assert.equal(kept.includes('h'), true);
  }
});

test('clients whose traces are not accepted begin new ones, and cannot decide what is recorded', () => {
  const headers = ['traceparent', SAMPLED_PARENT, 'tracestate', 'a=b'];
  const { headers: kept, ownFields, span } = tracedFields(headers, tracing({ accept: false, sample: 0 }));
  assert.deepEqual(kept, []);
  const begun = parseTraceparent(ownFields[1] ?? '');
  assert.notEqual(begun?.traceId, TRACE);
  assert.equal((begun?.flags ?? 0) & SAMPLED, 0);
  assert.equal(span, null);
});

test('the share of recorded traces is about what was asked for', () => {
  const settings = tracing({ sample: 0.25 });
  let recorded = 0;
  for (let i = 0; i < 4_000; i++) if (tracedFields([], settings).span !== null) recorded++;
  assert.ok(recorded > 800 && recorded < 1_200, `${recorded}`);
});

test('ids are different each time, and all are valid', () => {
  const seen = new Set<string>();
  for (let i = 0; i < 2_000; i++) {
    const parent = parseTraceparent(tracedFields([], tracing()).ownFields[1] ?? '');
    assert.ok(parent !== null);
    seen.add(parent.traceId).add(parent.parentId);
  }
  assert.equal(seen.size, 4_000);
});

test('the observer of traces is told of recorded exchanges alone, beside the one of the server', async (t) => {
  const spans = new Records();
  const all = new Records();
  const settings = { current: tracing({ observer: spans, sample: 0 }) };
  const running = await startServer(t, { tracing: settings, observer: { current: all } });
  const client = await running.connect();
  for (const parent of [UNSAMPLED_PARENT, SAMPLED_PARENT]) {
    client.write(`GET / HTTP/1.1\r\nHost: h\r\ntraceparent: ${parent}\r\n\r\n`);
    (await running.next()).respond('a');
    await client.takeResponse();
  }
  while (all.all.length < 2) await turn();
  assert.deepEqual(
    spans.all.map(({ span, status }) => [span?.traceId, status]),
    [[TRACE, 200]],
  );
});

test('without traces requests have no fields of their own, and no record', async (t) => {
  const running = await startServer(t);
  const client = await running.connect();
  client.write(`GET / HTTP/1.1\r\nHost: h\r\ntraceparent: ${SAMPLED_PARENT}\r\n\r\n`);
  const exchange = await running.next();
  assert.deepEqual(exchange.request.ownFields, []);
  assert.equal(exchange.request.record, null);
  assert.ok(exchange.request.headers.includes(SAMPLED_PARENT));
  exchange.respond('a');
  await client.takeResponse();
});
