import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { TimerWheel } from '../../../src/clock/index.ts';
import { Counters, type Requester, type RequestHead } from '../../../src/exchange/index.ts';
import { type HoldOptions, Hub } from '../../../src/hub/index.ts';
import { prepareRoutes, proxyService, RouteTable } from '../../../src/proxy/index.ts';
import { HeldClient } from '../../support/exchange/held-client.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { configOf } from '../../support/running-app.ts';
import { turn } from '../hub/support.ts';
import { routeMeans } from './support/route-means.ts';

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

test('A client that is replayed many times retains no former exchange, hold or response', async (t) => {
  const wheel = new TimerWheel();
  t.after(() => wheel.stop());
  const [counters, log] = [new Counters(), new FakeLog()];
  const config = configOf(['* a.test:1']);
  const hub = new Hub({ wheel, counters, log, limits: { current: config.hub }, patchBody: () => null });
  const exchanges: WeakRef<object>[] = [];
  const formers: WeakRef<object>[] = [];
  const responses: WeakRef<object>[] = [];
  const hold = (options: HoldOptions): void => {
    if (options.former != null) formers.push(new WeakRef(options.former));
    responses.push(new WeakRef(options.instruct.response));
    hub.hold(options);
  };
  const serviceOf = () => (_request: RequestHead, requester: Requester) => {
    exchanges.push(new WeakRef(requester));
    // Later, as a real origin.
    setImmediate(() => {
      const headers = ['Grip-Hold', 'response', 'Grip-Channel', 'a'];
      requester.onResponse({ status: 200, reason: 'OK', headers, bodyLength: 5 });
      requester.onResponseData(Buffer.from('later'), false);
    });
    return { onRequestData: () => {}, onRequestError: () => {}, onResponseCredit: () => {} };
  };
  const routes = new RouteTable(prepareRoutes(config, routeMeans({ serviceOf })));
  const service = proxyService({
    settings: { current: { routes, trust: null, rules: config.proxy, debug: false, shareAll: false } },
    hub: { hold } as unknown as Hub,
    wheel,
    counters,
    log,
  });
  const client = new HeldClient('c1-1', 65_536);
  client.responder = service(client.request, client);
  await turn();
  for (let i = 0; i < 20; i++) {
    hub.recover();
    await turn();
    await turn();
  }
  assert.equal(exchanges.length, 21);
  await turn();
  collectGarbage();
  const alive = (refs: WeakRef<object>[]): number => refs.filter((ref) => ref.deref() !== undefined).length;
  assert.ok(alive(exchanges) <= 1, `${alive(exchanges)} exchanges are reachable`);
  assert.ok(alive(formers) <= 1, `${alive(formers)} former holds are reachable`);
  assert.ok(alive(responses) <= 1, `${alive(responses)} responses are reachable`);
  assert.equal(counters.holdsOpen, 1);
});
