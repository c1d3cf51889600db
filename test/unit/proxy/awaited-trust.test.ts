import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UNKNOWN_LENGTH } from '../../../src/exchange/index.ts';
import { UpstreamTrust } from '../../../src/proxy/index.ts';
import { requestHead } from '../../support/exchange/request-head.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';
import { ScriptedService } from '../../support/scripted-service.ts';
import { TargetsRig } from './support/targets-rig.ts';

const TRUST = new UpstreamTrust(Buffer.from('a shared secret'));

/** A proxy that trusts the holder of a key, and the service that plays its target. */
function trusting(t: Parameters<typeof startApp>[0]) {
  const scripted = new ScriptedService();
  const rig = new TargetsRig(t, ['* a.test:1'], (_target, request, requester) => scripted.service(request, requester));
  rig.settings.current = { ...rig.settings.current, trust: TRUST };
  return { rig, scripted };
}

test('The end of an empty chunked body reaches the origin even if it comes before the signature is verified', async (t) => {
  const { rig, scripted } = trusting(t);
  const requester = rig.send({ method: 'POST', headers: ['Grip-Sig', 'x'], bodyLength: UNKNOWN_LENGTH });
  requester.send('', false);
  const exchange = await scripted.next();
  await exchange.until(() => exchange.bodyDone);
});

test('A POST with an empty chunked body and a made-up signature gets its response', async (t) => {
  const origin = await httpOrigin(t, ({ body }) => ({ body: `${body.length}` }));
  const app = await startApp(t, [`* ${origin.target}`], { proxy: { upstreamKey: 'secret' } });
  const client = await app.client.connect(t);
  client.write('POST / HTTP/1.1\r\nHost: a\r\nGrip-Sig: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n');
  assert.match(await client.received(), /^HTTP\/1\.1 200 /);
});

test('A client that leaves while its signature is verified causes no request to the origin', async (t) => {
  const { rig, scripted } = trusting(t);
  const requester = rig.send({ headers: ['Grip-Sig', 'x'] });
  requester.leave({} as never);
  await TRUST.trusts(requestHead());
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(scripted.exchanges.length, 0);
});
