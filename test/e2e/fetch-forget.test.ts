import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Push, Subscriber } from 'zeromq';
import { parseResponsePacket, type ResponsePacket, splitAddress } from '../../src/codec/zhttp/index.ts';
import { type RunningFetcher, startFetch, stopFetcher } from '../support/fetch/fetcher.ts';
import type { FetchEndpoints } from '../support/fetch/zhttp-requester.ts';
import { freePorts } from '../support/free-ports.ts';
import { Program } from '../support/program.ts';
import { startRecordingOrigin } from '../support/recording-origin.ts';
import { Arrivals } from '../support/zmq/zmq-rig.ts';

const REPOSITORY = fileURLToPath(new URL('../..', import.meta.url));

/** Somebody who watches what becomes of the requests of `from`: each packet as it is written, and as it is read. */
class Monitor {
  readonly packets = new Arrivals<ResponsePacket>();
  readonly texts = new Arrivals<string>();
  readonly #subscriber = new Subscriber({ linger: 0, receiveHighWaterMark: 0 });

  constructor(t: TestContext, { out }: FetchEndpoints, from: string) {
    t.after(() => this.#subscriber.close());
    this.#subscriber.connect(out);
    this.#subscriber.subscribe(`${from} `);
    void this.#take();
  }

  async #take(): Promise<void> {
    for await (const [frame] of this.#subscriber) {
      const { payload } = splitAddress(frame as Buffer) ?? assert.fail('a packet without an address');
      this.texts.add(payload.toString());
      this.packets.add(parseResponsePacket(payload));
    }
  }

  /** The next packet of this type: those of others are passed over. */
  async next(type: ResponsePacket['type']): Promise<ResponsePacket> {
    for (;;) {
      const packet = await this.packets.next();
      if (packet.type === type) return packet;
    }
  }
}

/** Starts monitors, and waits until each of them hears what is published. */
async function watching(
  t: TestContext,
  { endpoints }: RunningFetcher,
  from: string,
  count: number,
): Promise<Monitor[]> {
  const monitors = Array.from({ length: count }, () => new Monitor(t, endpoints, from));
  const push = new Push({ linger: 0 });
  push.connect(endpoints.in);
  const probe = `J{"from":"${from}","id":"probe","uri":"nonsense:"}`;
  while (monitors.some(({ packets }) => packets.all.length === 0)) {
    await push.send(probe);
    await new Promise(setImmediate);
  }
  // On the same connection: what was sent on another one may come before the last probes.
  await push.send(probe.replace('probe', 'last'));
  for (const { packets, texts } of monitors) {
    while ((await packets.next()).ids[0]?.id !== 'last');
    texts.all.length = 0;
  }
  push.close();
  return monitors;
}

/** Sends this from a process of its own, which has ended when this resolves. */
async function sendAndExit(t: TestContext, { endpoints }: RunningFetcher, message: string): Promise<void> {
  const script = `
    import { Push } from 'zeromq';
    const push = new Push();
    push.connect(process.env.ENDPOINT);
    await push.send(process.env.MESSAGE);
    push.close();`;
  const env = { ENDPOINT: endpoints.in, MESSAGE: message };
  const sender = new Program(t, process.execPath, ['--input-type=module', '-e', script], { cwd: REPOSITORY, env });
  assert.deepEqual(await sender.ended, { code: 0, stdout: '', stderr: '' });
}

const allowed = (t: TestContext, ...lines: string[]) => startFetch(t, ['allow_internal = true', ...lines]);

test('a webhook is delivered for a program that has ended, and every monitor sees the outcome', async (t) => {
  const running = await allowed(t);
  const origin = await startRecordingOrigin(t);
  origin.respond = (response) => response.writeHead(202, { 'X-Receipt': '7' }).end('taken');
  const authority = origin.route.replace('* ', '');
  const monitors = await watching(t, running, 'hooks', 3);
  const request = {
    ...{ from: 'hooks', id: 'order-1', method: 'POST', uri: `http://${authority}/hook?token=secret` },
    ...{ headers: [['Content-Type', 'application/json']], body: '{"order":1}', 'user-data': { order: [1, null, 2.5] } },
  };
  await sendAndExit(t, running, `J${JSON.stringify(request)}`);
  for (const { texts } of monitors) {
    const [ack, result] = (await texts.take(2)).map((text) => JSON.parse(text.slice(1)));
    assert.deepEqual(ack, {
      from: 'zu1',
      id: 'order-1',
      seq: 0,
      type: 'keep-alive',
      'user-data': { order: [1, null, 2.5] },
    });
    assert.deepEqual([result.code, result.reason, result.body, result.seq], [202, 'Accepted', 'taken', 1]);
    assert.deepEqual(result['user-data'], { order: [1, null, 2.5] });
    assert.ok(result.headers.some(([name, value]: [string, string]) => name === 'X-Receipt' && value === '7'));
  }
  const [received] = origin.requests;
  assert.deepEqual([received?.method, received?.url, received?.body], ['POST', '/hook?token=secret', '{"order":1}']);
  const headers = received?.headers ?? [];
  assert.equal(headers[headers.indexOf('Content-Type') + 1], 'application/json');
  // The log has neither the query nor the body, where secrets are.
  const { status, id, from, uri, bytes } = await running.program.logged('request complete');
  assert.deepEqual([status, id, from, uri, bytes], [202, 'order-1', 'hooks', `http://${authority}/hook`, 5]);
  assert.ok(!running.program.stdout.includes('secret'));
  await stopFetcher(running);
});

test('a failed webhook is reported to every monitor, and in the log', async (t) => {
  const running = await allowed(t, 'deny = ["*.denied.test"]');
  const [port = 0] = await freePorts(1);
  const failures = [
    [`http://127.0.0.1:${port}/`, 'remote-connection-failed', 'HF_ORIGIN_UNREACHABLE'],
    ['http://a.denied.test/', 'policy-violation', 'HF_POLICY_VIOLATION'],
  ] as const;
  for (const [uri] of failures) {
    await sendAndExit(t, running, `J${JSON.stringify({ from: 'alone', id: uri, method: 'POST', uri })}`);
    await running.program.logged('request failed', ({ id }) => id === uri);
  }
  const monitors = await watching(t, running, 'hooks', 2);
  for (const [uri, condition] of failures) {
    await sendAndExit(
      t,
      running,
      `J${JSON.stringify({ from: 'hooks', id: uri, method: 'POST', uri, 'user-data': 7 })}`,
    );
    for (const monitor of monitors) {
      const packet = await monitor.next('error');
      assert.deepEqual([packet.condition, packet.ids[0]?.id, packet.userData?.toString()], [condition, uri, '7']);
    }
  }
  const { zhttp } = await stopFetcher(running);
  const failed = running.program.log().filter(({ msg }) => msg === 'request failed');
  assert.deepEqual(
    failed.map(({ from, id, condition, code, level }) => [from, id, condition, code, level]),
    ['alone', 'hooks'].flatMap((from) => failures.map(([uri, ...rest]) => [from, uri, ...rest, 'warn'])),
  );
  assert.deepEqual([zhttp.sessions, zhttp.sessionsFailed, zhttp.sessionsExpired], [4, 4, 0]);
});

test('a request for one packet survives a silent requester; one for a stream does not', async (t) => {
  const running = await allowed(t, 'session_timeout = 0.5');
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.closeAllConnections());
  t.after(() => server.close());
  const uri = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const [monitor] = await watching(t, running, 'hooks', 1);
  assert.ok(monitor);
  const asked = new Arrivals<{ readonly url: string; respond(): void }>();
  server.on('request', ({ url = '' }, response) => asked.add({ url, respond: () => response.end('at last') }));
  const request = { from: 'hooks', method: 'GET', credits: 1_000 };
  await sendAndExit(t, running, `J${JSON.stringify({ ...request, id: 'one', uri: `${uri}one`, 'user-data': 'x' })}`);
  const one = await asked.next();
  await sendAndExit(t, running, `J${JSON.stringify({ ...request, id: 'many', uri: `${uri}many`, stream: true })}`);
  assert.equal((await asked.next()).url, '/many');
  const { id, code } = await running.program.logged('request failed');
  assert.deepEqual([id, code], ['many', 'HF_CLIENT_GONE']);
  // Meanwhile there are signs of life.
  for (let signs = 0; signs < 4; ) {
    const packet = await monitor.next('keep-alive');
    if (packet.ids[0]?.id !== 'one') continue;
    signs++;
    assert.equal(packet.userData?.toString(), '"x"');
  }
  one.respond();
  const result = await monitor.next('data');
  assert.deepEqual([result.code, result.body.toString(), result.userData?.toString()], [200, 'at last', '"x"']);
  const { zhttp } = await stopFetcher(running);
  assert.deepEqual([zhttp.sessionsExpired, zhttp.sessionsFailed], [1, 1]);
});

test('a request without a requester is made, and nothing is published; a quiet one is not logged', async (t) => {
  const running = await allowed(t);
  const origin = await startRecordingOrigin(t);
  const uri = `http://${origin.route.replace('* ', '')}/`;
  const [monitor] = await watching(t, running, 'hooks', 1);
  assert.ok(monitor);
  for (const named of [{}, { from: 'hooks' }, { id: 'a' }]) {
    const before = origin.requests.length;
    await sendAndExit(t, running, `J${JSON.stringify({ ...named, method: 'POST', uri, body: 'x' })}`);
    await running.program.logged('request complete', () => origin.requests.length > before);
  }
  await sendAndExit(
    t,
    running,
    `J${JSON.stringify({ from: 'hooks', id: 'q', method: 'GET', uri, ext: { quiet: true } })}`,
  );
  const texts = await monitor.texts.take(2);
  assert.deepEqual(
    texts.map((text) => JSON.parse(text.slice(1)).code),
    [undefined, 200],
  );
  const { zhttp } = await stopFetcher(running);
  assert.equal(running.program.log().filter(({ msg }) => msg === 'request complete').length, 3);
  assert.deepEqual([zhttp.sessions, zhttp.sessionsFailed], [4, 0]);
});

test('user data of any kind comes back unchanged, in its format', async (t) => {
  const running = await allowed(t);
  const origin = await startRecordingOrigin(t);
  const uri = `http://${origin.route.replace('* ', '')}/`;
  const [monitor] = await watching(t, running, 'hooks', 1);
  assert.ok(monitor);
  const element = (text: string) => `${text.length}:${text},`;
  const tnetstrings = [
    '5:hello,',
    '2:42#',
    '4:1.50^',
    '4:true!',
    '0:~',
    '0:]',
    '0:}',
    '9:2:ab,1:1#]',
    '8:1:a,1:b,}',
    '3:\x00\xff\n,',
  ];
  for (const data of tnetstrings) {
    const map = `4:from,5:hooks,2:id,1:a,6:method,3:GET,3:uri,${element(uri)}9:user-data,${data}`;
    const push = new Push({ linger: 0 });
    push.connect(running.endpoints.in);
    await push.send(Buffer.from(`T${map.length}:${map}}`, 'latin1'));
    for (const type of ['keep-alive', 'data'] as const) {
      assert.equal((await monitor.next(type)).userData?.toString('latin1'), data);
    }
    push.close();
  }
  monitor.texts.all.length = 0;
  for (const data of ['null', '0', '-1.5e3', '"ü\\n"', 'true', '[]', '{}', '{"a":[1,{"b":null}]}']) {
    const request = JSON.stringify({ from: 'hooks', id: 'a', method: 'GET', uri });
    await sendAndExit(t, running, `J${request.slice(0, -1)},"user-data":${data}}`);
    for (const type of ['keep-alive', undefined]) {
      const text = await monitor.texts.next();
      assert.equal(JSON.parse(text.slice(1)).type, type);
      assert.deepEqual(JSON.parse(text.slice(1))['user-data'], JSON.parse(data));
    }
  }
  await stopFetcher(running);
});
