import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeResponsePacket, packetNames, ResponsePacket } from '../../../../src/codec/zhttp/index.ts';

function packet(ids: readonly string[], fields: Partial<ResponsePacket> = {}): Buffer {
  const refs = ids.map((id, seq) => ({ id, seq }));
  return encodeResponsePacket(Object.assign(new ResponsePacket(), { from: 'h', ids: refs, ...fields }));
}

function idsOf(payload: Buffer): string[] {
  return packetNames(payload).ids.map(({ id }) => id);
}

test('the sender, the type and the sessions of a packet are found, whatever else is in it', () => {
  const headers = ['id', '2:id,2:x-,'];
  const body = Buffer.from('2:id,4:p2-1,');
  const { from, type, ids, malformed, fault } = packetNames(packet(['p1-0'], { code: 200, headers, body, more: true }));
  assert.deepEqual([from, type, ids.map(({ id }) => id), malformed, fault], ['h', '', ['p1-0'], false, '']);
  const many = packetNames(packet(['p1-0', 'p2-0'], { type: 'keep-alive' }));
  assert.equal(many.type, 'keep-alive');
  assert.deepEqual(many.ids, [
    { id: 'p1-0', seq: 0 },
    { id: 'p2-0', seq: 1 },
  ]);
});

test('the last of equal keys counts', () => {
  assert.deepEqual(idsOf(Buffer.from('T22:2:id,3:a-1,2:id,3:b-1,}')), ['b-1']);
});

test('JSON is read as well', () => {
  const { from, ids } = packetNames(Buffer.from('J{"from":"h","id":"p1-1","code":200}'));
  assert.deepEqual([from, ids], ['h', [{ id: 'p1-1', seq: null }]]);
});

test('invalid values of other fields do not matter', () => {
  const { ids, malformed, fault } = packetNames(Buffer.from('T22:4:code,1:x,2:id,3:p-1,}'));
  assert.deepEqual([ids[0]?.id, malformed, fault], ['p-1', false, '']);
});

test('what comes before the end of a truncated packet is kept', () => {
  const { ids, malformed, fault } = packetNames(Buffer.from('T19:2:id,3:p-1,4:code,9}'));
  assert.deepEqual([ids[0]?.id, malformed, fault], ['p-1', true, 'length is malformed, at byte 22']);
});

for (const text of ['', 'J{"id":', 'T0:]', 'T', 'T5:abc', 'T11:2:id,3:p-1,}x', 'T11:2:id,3:p-1,', 'T11:2:id,9:p-1,}']) {
  test(`${text || 'nothing'} is malformed`, () => {
    const { ids, malformed, fault } = packetNames(Buffer.from(text));
    assert.deepEqual([ids, malformed], [[], true]);
    assert.notEqual(fault, '');
  });
}

for (const text of ['T9:2:id,1:1#}', 'T20:2:id,11:8:2:xy,0:,}]}', 'J{"id":{}}']) {
  test(`the ids of ${text} are invalid`, () => {
    const { ids, malformed, fault } = packetNames(Buffer.from(text));
    assert.deepEqual([ids, malformed], [[], false]);
    assert.match(fault, /^"id" is not /);
  });
}
