import assert from 'node:assert/strict';
import { test } from 'node:test';
import { assertError, GripRig } from './support/grip-rig.ts';

const RESPONSE = ['Grip-Hold', 'response', 'Grip-Channel'];
const STREAM = ['Grip-Hold', 'stream', 'Grip-Channel'];

test('A filter that would change a large initial body is refused before a byte of it is sent', async () => {
  const rig = new GripRig({ headers: [...STREAM, 'a; filter=build-id'] });
  rig.response.data(Buffer.alloc(200_000), true);
  await rig.decided();
  assertError(rig, 'HF_GRIP_TOO_LARGE', /not the beginning of a stream/);
});

test('A held response with a position is not refused', async () => {
  const rig = await new GripRig({ headers: [...RESPONSE, 'a; prev-id=1'] }).body('').decided();
  assert.equal(rig.error, null);
  assert.equal(rig.held?.instruct.hold?.channels[0]?.prevId, '1');
});
