import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ExchangeError, NO_RESPONDER } from '../../../src/exchange/index.ts';
import { type TargetScript, TargetsRig } from './support/targets-rig.ts';

const answers: TargetScript = (_target, { target }, requester) => {
  if (target === '/fails') requester.onResponseError(new ExchangeError('HF_ORIGIN_CLOSED', 'gone'));
  else requester.onResponse({ status: 204, reason: '', headers: [], bodyLength: 0 });
  return NO_RESPONDER;
};

test('requests are logged at the level of their route', (t) => {
  const levels = ['error', 'warn', 'info', 'debug'] as const;
  const rig = new TargetsRig(
    t,
    levels.map((level, number) => `${level}.example,log_level=${number} origin:80`),
    answers,
  );
  rig.log.infoEnabled = false;
  rig.log.debugEnabled = false;
  for (const level of levels) rig.send({ authority: `${level}.example` });
  const logged = () => rig.log.with('request').map(({ level, fields }) => [level, fields.uri, fields.outcome]);
  const high = [
    ['error', 'http://error.example/', '204'],
    ['warn', 'http://warn.example/', '204'],
  ];
  assert.deepEqual(logged(), high);
  rig.log.infoEnabled = true;
  rig.log.debugEnabled = true;
  for (const level of ['info', 'debug']) rig.send({ authority: `${level}.example` });
  assert.deepEqual(logged(), [
    ...high,
    ['info', 'http://info.example/', '204'],
    ['debug', 'http://debug.example/', '204'],
  ]);
});

test('the client and its user agent are in the log where they are asked for, also of failures', (t) => {
  const rig = new TargetsRig(t, ['* origin:80'], answers);
  const headers = ['Host', 'example.com', 'user-agent', 'Wanderer/1'];
  const fields = () => rig.log.records.map(({ message, fields: { from, ua } }) => [message, from, ua]);
  rig.send({ headers });
  assert.deepEqual(fields(), [['request', undefined, undefined]]);
  rig.log.records.length = 0;
  rig.settings.current = { ...rig.settings.current, logged: { from: true, userAgent: true } };
  rig.send({ headers });
  rig.send({ headers, target: '/fails' });
  rig.send();
  assert.deepEqual(fields(), [
    ['request', '127.0.0.1', 'Wanderer/1'],
    ['request failed', '127.0.0.1', 'Wanderer/1'],
    ['request', '127.0.0.1', ''],
  ]);
});

test('the client is in the log of a request that comes in a circle, too', (t) => {
  const rig = new TargetsRig(t, ['* origin:80'], answers);
  const { rules } = rig.settings.current;
  rig.settings.current = {
    ...rig.settings.current,
    rules: { ...rules, cdnLoop: 'me' },
    logged: { from: true, userAgent: false },
  };
  rig.send({ headers: ['Host', 'example.com', 'CDN-Loop', 'me'] });
  assert.deepEqual(
    rig.log.records.map(({ message, fields: { code, from } }) => [message, code, from]),
    [['request failed', 'HF_LOOP', '127.0.0.1']],
  );
});
