import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, type Service } from '../../../src/exchange/index.ts';
import { Hub } from '../../../src/hub/index.ts';
import { REPLAYS_AT_ONCE } from '../../../src/hub/replay-pacer.ts';
import { MAX_INSTRUCT_BODY } from '../../../src/proxy/grip-response.ts';
import { prepareRoutes, proxyService, RouteTable } from '../../../src/proxy/index.ts';
import { HeldClient } from '../../support/exchange/held-client.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { configOf } from '../../support/running-app.ts';
import { type ScriptedExchange, ScriptedService } from '../../support/scripted-service.ts';
import { responseItem, turn } from '../hub/support.ts';
import { routeMeans } from './support/route-means.ts';

const HOLD = ['Grip-Hold', 'response', 'Grip-Channel', 'a'];

/** A proxy and its hub, between clients and an origin that the test plays. */
class ReplayRig {
  readonly counters = new Counters();
  readonly origin = new ScriptedService();
  readonly hub: Hub;
  readonly #service: Service;
  #clients = 0;

  constructor(t: TestContext) {
    const wheel = new TimerWheel();
    t.after(() => wheel.stop());
    const { counters } = this;
    const log = new FakeLog();
    const config = configOf(['* a.test:1']);
    this.hub = new Hub({ wheel, counters, log, limits: { current: config.hub }, patchBody: () => null });
    const routes = new RouteTable(prepareRoutes(config, routeMeans({ serviceOf: () => this.origin.service })));
    const settings = { current: { routes, trust: null, rules: config.proxy, debug: false, shareAll: false } };
    this.#service = proxyService({ settings, hub: this.hub, wheel, counters, log });
  }

  /** A client that is held. */
  async held(credits = 65_536): Promise<HeldClient> {
    const client = new HeldClient(`c${++this.#clients}-1`, credits);
    const responder = this.#service(client.request, client);
    client.responder = responder;
    (await this.origin.next()).respond('nothing new', { headers: HOLD });
    return client;
  }

  /** A client whose request is at the origin again. */
  async replayed(credits?: number): Promise<[HeldClient, ScriptedExchange]> {
    const client = await this.held(credits);
    this.hub.recover();
    return [client, await this.origin.next()];
  }

  async publish(body: string): Promise<void> {
    this.hub.publish([responseItem('a', body)]);
    await turn();
  }
}

test('A replay keeps its place until the response of the origin ends, however slowly the client reads', async (t) => {
  const rig = new ReplayRig(t);
  const clients: HeldClient[] = [];
  for (let i = 0; i <= REPLAYS_AT_ONCE; i++) clients.push(await rig.held(4));
  const started = (): number => rig.origin.exchanges.length - clients.length;
  rig.hub.recover();
  assert.equal(started(), REPLAYS_AT_ONCE);
  const replay = await rig.origin.next();
  replay.head({ bodyLength: 8 });
  replay.send('1234');
  await turn();
  assert.equal(started(), REPLAYS_AT_ONCE);
  clients[0]?.grant(4);
  replay.send('5678', false);
  assert.equal(clients[0]?.body, '12345678');
  await turn();
  assert.equal(started(), REPLAYS_AT_ONCE + 1);
});

test('A client that leaves during the response to its replay frees the place', async (t) => {
  const rig = new ReplayRig(t);
  const clients: HeldClient[] = [];
  for (let i = 0; i <= REPLAYS_AT_ONCE; i++) clients.push(await rig.held(4));
  rig.hub.recover();
  const replay = await rig.origin.next();
  replay.head();
  clients[0]?.leave();
  await turn();
  assert.equal(rig.origin.exchanges.length, clients.length + REPLAYS_AT_ONCE + 1);
});

test('An item aborts a replay that has no response', async (t) => {
  const rig = new ReplayRig(t);
  const [client, replay] = await rig.replayed();
  await rig.publish('news');
  assert.equal(client.body, 'news');
  assert.equal(replay.failure(), 'HF_CLIENT_GONE');
  assert.equal(rig.counters.replaysAborted, 1);
  assert.deepEqual(rig.hub.stats, { holds: 0, channels: 0 });
  // What is on its way already is ignored.
  replay.respond('late');
  assert.equal(client.body, 'news');
});

test('An item aborts a replay with a part of an instruct', async (t) => {
  const rig = new ReplayRig(t);
  const [client, replay] = await rig.replayed(10);
  replay.head({ headers: HOLD });
  replay.send('nothing');
  client.grant(4);
  await rig.publish('longer than ten');
  assert.equal(client.body, 'longer than te');
  assert.equal(replay.failure(), 'HF_CLIENT_GONE');
  client.grant(1);
  assert.equal(client.complete, true);
});

test('An item does not abort a replay whose response has begun', async (t) => {
  const rig = new ReplayRig(t);
  const [client, replay] = await rig.replayed();
  replay.head({ bodyLength: 5 });
  await rig.publish('news');
  replay.send('fresh', false);
  assert.deepEqual(client.response, [200, 'fresh']);
  assert.equal(rig.counters.replaysAborted, 0);
});

test('An item does not abort a replay whose stream has begun', async (t) => {
  const rig = new ReplayRig(t);
  const [client, replay] = await rig.replayed(200_000);
  replay.head({ headers: ['Grip-Hold', 'stream', 'Grip-Channel', 'a'] });
  const begin = 'x'.repeat(MAX_INSTRUCT_BODY + 1);
  replay.send(begin);
  await rig.publish('news');
  assert.equal(client.body, begin);
  replay.send('', false);
  assert.deepEqual([replay.failure(), client.end, rig.counters.holdsOpen], ['', null, 1]);
});
