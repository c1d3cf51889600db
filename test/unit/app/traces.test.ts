import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Traces } from '../../../src/app/traces.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import { loadConfig } from '../../../src/config/index.ts';
import { CounterRegistry, ExchangeRecord } from '../../../src/exchange/index.ts';
import { tracedFields } from '../../../src/server/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';
import { Collector } from '../../support/otlp.ts';

const sectionOf = (lines: string) => loadConfig(`[trace]\n${lines}`, '').trace;

function rig(t: TestContext, lines: string) {
  const wheel = new TimerWheel();
  const log = new FakeLog();
  const traces = new Traces({ trace: sectionOf(lines), wheel, log });
  t.after(async () => {
    await traces.close();
    wheel.stop();
  });
  /** Ends an exchange whose trace is recorded. */
  const exchange = (): void => {
    const tracing = traces.of('server').current;
    assert.ok(tracing !== null);
    const { span } = tracedFields([], { ...tracing, sample: 1 });
    const peer = { address: '192.0.2.1', port: 1 };
    const request = { id: '1-1', method: 'GET', target: '/', authority: 'h', version: '1.1', headers: [], peer };
    new ExchangeRecord(request, null, span).end();
  };
  return { traces, log, exchange };
}

test('nobody takes part in traces, and nothing is counted, unless the configuration says so', (t) => {
  const { traces } = rig(t, '');
  assert.equal(traces.of('server').current, null);
  const registry = new CounterRegistry();
  traces.register(registry);
  assert.deepEqual(registry.snapshot(), {});
});

test('a reload changes shares and switches for servers that run', (t) => {
  const { traces } = rig(t, 'otlp = "http://127.0.0.1:1"\nsample = 0.5');
  const current = traces.of('server');
  assert.deepEqual([current.current?.sample, current.current?.accept], [0.5, true]);
  traces.use(sectionOf('otlp = "http://127.0.0.1:1"\nsample = 0.25\naccept = false'));
  assert.deepEqual([current.current?.sample, current.current?.accept], [0.25, false]);
  assert.notEqual(current.current?.observer, null);
});

test('the collector gets what its URL and the fields of the configuration say', async (t) => {
  const collector = await Collector.start(t);
  const headers = 'headers = ["Authorization: Bearer a b", "x-key:1"]';
  const { exchange } = rig(t, `otlp = "${collector.url}/custom/path"\n${headers}\nservice_name = "shop"`);
  exchange();
  await collector.span();
  const [request] = collector.requests;
  assert.equal(request?.url, '/custom/path');
  assert.deepEqual([request?.headers.authorization, request?.headers['x-key']], ['Bearer a b', '1']);
  assert.equal(collector.taken[0]?.resource.get('service.name'), 'shop');
});

test('a collector that is busy gets the same spans again, and one that breaks off too', async (t) => {
  const collector = await Collector.start(t);
  collector.answers.push((_request, response) => response.writeHead(503).end('busy'));
  collector.answers.push((request) => request.socket.destroy());
  const { traces, log, exchange } = rig(t, `otlp = "${collector.url}"`);
  exchange();
  await collector.span();
  assert.equal(collector.requests.length, 3);
  assert.equal(log.with('the collector did not take spans').length, 2);
  while (traces.counters.spansExported === 0) await turn();
  const { spansExported, spansDropped, exportsFailed } = traces.counters;
  assert.deepEqual([spansExported, spansDropped, exportsFailed], [1, 0, 2]);
});

test('a response that is too long, or no response to a request, is a failure like others', async (t) => {
  const collector = await Collector.start(t);
  collector.answers.push((_request, response) => response.end('x'.repeat(100_000)));
  const { traces, exchange } = rig(t, `otlp = "${collector.url}"`);
  exchange();
  while (traces.counters.exportsFailed === 0) await turn();
  assert.equal(traces.counters.spansExported, 0);
});
