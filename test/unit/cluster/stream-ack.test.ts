import assert from 'node:assert/strict';
import { test } from 'node:test';
import { streamAckOf } from '../../../src/cluster/stream-ack.ts';

const refused = (refusedBy: string) => ({ number: 0, isDuplicate: false, refusedBy });

for (const [title, text, ack] of [
  ['with a number is that of a message that is kept', '{"stream":"s","seq":7}', kept(7, false)],
  ['tells that the stream has had the message', '{"stream":"s","seq":7,"duplicate":true}', kept(7, true)],
  ['that is empty comes where nobody has the stream', '', refused('no stream')],
  ['says why a message is not kept', '{"error":{"code":503,"description":"no space"}}', refused('no space')],
  ['need not say why', '{"error":{}}', refused('it does not say why')],
  ['may be anything', '{"seq":"7"}', refused('its answer is not understood')],
  ['may be no number of a message', '{"seq":0}', refused('its answer is not understood')],
  ['may be no JSON', '{', refused('its answer is not understood')],
  ['may be no object', '[7]', refused('its answer is not understood')],
] as const) {
  test(`an answer of the broker ${title}: ${text}`, () => {
    assert.deepEqual(streamAckOf(Buffer.from(text)), ack);
  });
}

function kept(number: number, isDuplicate: boolean) {
  return { number, isDuplicate, refusedBy: null };
}
