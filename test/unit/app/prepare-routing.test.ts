import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { prepareRouting } from '../../../src/app/prepare-routing.ts';
import type { Origin } from '../../../src/client/index.ts';
import { TimerWheel } from '../../../src/clock/index.ts';
import type { Config } from '../../../src/config/index.ts';
import { Counters, NO_RESPONDER, RouteStatsTable, silentLog } from '../../../src/exchange/index.ts';
import { overHttpHeld, type ProxySettings, RateTable } from '../../../src/proxy/index.ts';
import { FakeRequester } from '../../support/exchange/fake-requester.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { configOf } from '../../support/running-app.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const noClient = { send: () => NO_RESPONDER };
const wheel = new TimerWheel();
after(() => wheel.stop());
const webSockets = { open: () => NO_RESPONDER };
const nowhere = () => ({ service: () => NO_RESPONDER, webSocketService: () => NO_RESPONDER });
const zhttp = { hasFetch: false, fetchServices: nowhere, targetServices: nowhere };

function prepared(config: Config): ProxySettings {
  return prepareRouting(config, {
    client: noClient,
    webSockets,
    zhttp,
    counters: new Counters(),
    wheel,
    log: silentLog,
    routeStats: new RouteStatsTable(),
    overHttpHeld: overHttpHeld({ counters: new Counters(), log: silentLog }),
    keySets: { at: () => assert.fail('no keys are needed'), keep: () => {} },
    rates: new RateTable(new Counters()),
  });
}

test('Routes are prepared, and without a key no proxy is trusted', () => {
  const { routes, trust } = prepared(configOf(['a.example,id=one localhost:1', '* localhost:2']));
  assert.equal(routes.byId('one')?.route.targets[0]?.port, 1);
  assert.equal(trust, null);
});

test('Keys are read from their files', (t) => {
  const file = join(temporaryFolder(t), 'key.hex');
  writeFileSync(file, '73656372 6574\n');
  const keys = { sigKey: `file:${file}`, upstreamKey: `file:${file}` };
  const { routes, trust } = prepared(configOf(['*,id=one localhost:1'], { proxy: keys }));
  assert.match(routes.byId('one')?.signer?.token() ?? '', /^[\w-]+\.[\w-]+\.[\w-]+$/);
  assert.notEqual(trust, null);
  writeFileSync(file, 'no key');
  assert.throws(
    () => prepared(configOf(['* localhost:1'], { proxy: keys })),
    /^ConfigError: proxy\.sig_key: key file .* contains neither PEM.*\nproxy\.upstream_key: key file .* contains neither PEM/,
  );
});

test('A target may be anywhere, an untrusted one only at public addresses', () => {
  const origins: Origin[] = [];
  const client = {
    send: (origin: Origin) => {
      origins.push(origin);
      return NO_RESPONDER;
    },
  };
  const lines = ['*,id=a [::1]:81', '*,id=b,path_beg=/b b.test:82,untrusted', '*,id=c,path_beg=/c c.test:83,untrusted'];
  const { routes } = prepareRouting(configOf(lines), {
    client,
    webSockets,
    zhttp,
    counters: new Counters(),
    wheel,
    log: silentLog,
    routeStats: new RouteStatsTable(),
    overHttpHeld: overHttpHeld({ counters: new Counters(), log: silentLog }),
    keySets: { at: () => assert.fail('no keys are needed'), keep: () => {} },
    rates: new RateTable(new Counters()),
  });
  for (const id of ['a', 'b', 'c']) {
    const requester = Object.assign(new FakeRequester(1), { onTarget: () => {} });
    routes.byId(id)?.targets.send(requestHead(), requester);
  }
  assert.deepEqual(
    origins.map(({ host, port, tls, ipv4Only }) => [host, port, tls, ipv4Only]),
    [
      ['::1', 81, null, false],
      ['b.test', 82, null, false],
      ['c.test', 83, null, false],
    ],
  );
  const [trusted, one, other] = origins.map(({ guard }) => guard);
  assert.equal(trusted, null);
  // They may share connections.
  assert.equal(one, other);
  for (const address of ['127.0.0.1', '10.0.0.1', '169.254.169.254', '::1', '::ffff:127.0.0.1', '0.0.0.0']) {
    assert.equal(one?.checkAddress(address).allowed, false, address);
  }
  for (const address of ['1.1.1.1', '2606:4700:4700::1111']) assert.ok(one?.checkAddress(address).allowed, address);
});
