import assert from 'node:assert/strict';
import { test } from 'node:test';
import { failureOf, headText } from '../../../src/cli/fetch-output.ts';
import { ResponsePacket } from '../../../src/codec/zhttp/index.ts';

const packet = (fields: Partial<ResponsePacket>) => Object.assign(new ResponsePacket(), fields);

test('a head is the status line and the fields, with an empty line at the end', () => {
  const headers = ['Content-Type', 'text/plain', 'X-A', '\xc3\xa9\x1b'];
  assert.equal(
    headText(packet({ code: 200, reason: 'OK', headers })),
    'HTTP 200 OK\nContent-Type: text/plain\nX-A: é\\x1b\n\n',
  );
  assert.equal(headText(packet({ code: 204 })), 'HTTP 204\n\n');
});

test('a failure shows its condition, or the status of a rejected WebSocket', () => {
  const messages = [
    packet({ condition: 'policy-violation' }),
    packet({ condition: '' }),
    packet({ condition: 'a\nb' }),
    packet({ condition: 'rejected', code: 403, reason: 'Forbidden' }),
    packet({ condition: 'rejected', code: 403 }),
  ].map((each) => failureOf(each).message);
  assert.deepEqual(messages, [
    'policy-violation',
    'undefined-condition',
    'a\\x0ab',
    'rejected: the origin responded with 403 Forbidden',
    'rejected: the origin responded with 403',
  ]);
});
