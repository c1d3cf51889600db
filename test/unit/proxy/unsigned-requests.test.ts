import assert from 'node:assert/strict';
import { test } from 'node:test';
import { httpOrigin } from '../../support/http-origin.ts';
import { startApp } from '../../support/running-app.ts';

const HOLD = { headers: { 'Grip-Hold': 'stream', 'Grip-Channel': 'a' }, body: 'begin' };
const ADVICE =
  'origin holds clients, but requests to it are not signed: set sig_key so that GRIP client libraries recognize this proxy';

test('The log says once that an origin holds clients whose requests are not signed', async (t) => {
  const origin = await httpOrigin(t, () => HOLD);
  const app = await startApp(t, [`* ${origin.target}`]);
  for (let held = 1; held <= 2; held++) {
    await app.stream();
    await app.held(held);
  }
  assert.deepEqual(
    app.log.with(ADVICE).map(({ level }) => level),
    ['info'],
  );
});

test('The log says nothing if requests are signed', async (t) => {
  const origin = await httpOrigin(t, () => HOLD);
  const app = await startApp(t, [`*,sig_key=secret ${origin.target}`]);
  await app.stream();
  await app.held();
  assert.deepEqual(app.log.with(ADVICE), []);
});

test('The log says nothing of the built-in target', async (t) => {
  const app = await startApp(t, ['* test']);
  await app.stream({ path: '/stream' });
  await app.held();
  assert.deepEqual(app.log.with(ADVICE), []);
});
