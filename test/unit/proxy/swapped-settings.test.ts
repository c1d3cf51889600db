import assert from 'node:assert/strict';
import { test } from 'node:test';
import { NO_RESPONDER } from '../../../src/exchange/index.ts';
import { httpOrigin } from '../../support/http-origin.ts';
import { configOf, startApp } from '../../support/running-app.ts';
import { TargetsRig } from './support/targets-rig.ts';

test('The settings in force when a request comes are those it is treated by', (t) => {
  const rig = new TargetsRig(t, ['* a.test:1'], (target, request) => {
    rig.asked.push(`${target} ${request.headers.includes('CDN-Loop')}`);
    return NO_RESPONDER;
  });
  rig.send();
  rig.settings.current = rig.settingsOf(['* b.test:2'], { proxy: { cdnLoop: 'me' } });
  rig.send();
  assert.deepEqual(rig.asked, ['a.test:1 false', 'b.test:2 true']);
});

test('Another configuration changes routes, keys and bounds of a program that runs', async (t) => {
  const [one, two] = [await httpOrigin(t, () => ({ body: 'one' })), await httpOrigin(t, () => ({ body: 'two' }))];
  const app = await startApp(t, [`* ${one.target}`]);
  assert.equal((await app.send()).text, 'one');
  assert.equal((await one.request()).header('grip-sig'), undefined);

  await app.app.reconfigure(configOf([`*,sig_key=secret ${two.target}`], { server: { maxTargetBytes: 256 } }));
  assert.equal((await app.send()).text, 'two');
  assert.match((await two.request()).header('grip-sig') ?? '', /^ey/);
  assert.equal((await app.send({ path: `/${'x'.repeat(300)}` })).status, 414);
});

test('Another configuration changes the bounds of held clients and of requests to origins', async (t) => {
  const held = { headers: { 'Grip-Hold': 'response', 'Grip-Channel': 'a, b' } };
  const origin = await httpOrigin(t, () => held);
  const app = await startApp(t, [`* ${origin.target}`]);
  const answer = app.send();
  await app.held();
  assert.equal(app.counters.subscriptionsDropped, 0);

  const hub = { connectionSubscriptionMax: 1 };
  await app.app.reconfigure(configOf([`* ${origin.target}`], { hub }));
  const narrow = app.send();
  await app.held(2);
  assert.equal(app.counters.subscriptionsDropped, 1);
  await app.publish({ channel: 'a', formats: { 'http-response': { body: 'x' } } });
  assert.deepEqual([(await answer).text, (await narrow).text], ['x', 'x']);

  // Connections that are open keep the bounds of heads that they were opened with.
  const other = await httpOrigin(t, () => ({ headers: { 'X-Long': 'x'.repeat(300) } }));
  await app.app.reconfigure(configOf([`* ${other.target}`], { proxy: { maxResponseHeaderBytes: 256 } }));
  assert.equal((await app.send()).status, 502);
  assert.equal((await app.log.heard('request failed')).code, 'HF_ORIGIN_PROTOCOL');
});

test('A configuration whose key cannot be used changes nothing', async (t) => {
  const origin = await httpOrigin(t, () => ({ body: 'one' }));
  const app = await startApp(t, [`* ${origin.target}`]);
  await assert.rejects(app.app.reconfigure(configOf(['*,sig_key=file:/nowhere localhost:1'])), /no such file/);
  assert.equal((await app.send()).text, 'one');
});

test('A held request is sent again to the targets that its route has by then', async (t) => {
  const held = { headers: { 'Grip-Hold': 'response', 'Grip-Channel': 'a' } };
  const [one, two] = [await httpOrigin(t, () => held), await httpOrigin(t, () => ({ body: 'two' }))];
  const app = await startApp(t, [`* ${one.target}`]);
  const answer = app.send();
  await app.held();
  await app.app.reconfigure(configOf([`* ${two.target}`]));
  await app.publish({ channel: 'a', formats: { 'http-response': { action: 'hint' } } });
  assert.equal((await answer).text, 'two');
});
