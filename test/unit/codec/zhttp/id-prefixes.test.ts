import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeResponsePacket, idPrefixes, ResponsePacket } from '../../../../src/codec/zhttp/index.ts';

function packet(ids: readonly string[], fields: Partial<ResponsePacket> = {}): Buffer {
  const refs = ids.map((id, seq) => ({ id, seq }));
  return encodeResponsePacket(Object.assign(new ResponsePacket(), { from: 'h', ids: refs, ...fields }));
}

test('the prefix of the one id of a packet is found, whatever else is in it', () => {
  assert.deepEqual(idPrefixes(packet(['p1-0-0']), []), ['p1']);
  const headers = ['id', '2:id,2:x-,'];
  const body = Buffer.from('2:id,4:p2-1,');
  assert.deepEqual(idPrefixes(packet(['p1-0-0'], { code: 200, headers, body, more: true }), ['p10', 'p1']), ['p1']);
});

test('each prefix of many ids is found once', () => {
  assert.deepEqual(idPrefixes(packet(['p1-0', 'p2-0', 'p1-1', 'p3-9']), ['p2']), ['p1', 'p2', 'p3']);
});

test('the last of equal keys counts', () => {
  assert.deepEqual(idPrefixes(Buffer.from('T20:2:id,3:a-1,2:id,3:b-1,}'.replace('20:', '22:')), []), ['b']);
});

test('a packet without an id has no prefixes', () => {
  assert.deepEqual(idPrefixes(Buffer.from('T0:}'), []), []);
});

for (const text of [
  '',
  'J{"id":"p1-1"}',
  'T0:]',
  'T',
  'T5:abc',
  'T11:2:id,3:p-1,}x',
  'T11:2:id,3:p-1,',
  'T10:2:id,2:p1,}',
  'T11:2:id,9:p-1,}',
  'T11:2:id,3:p-1}}',
  'T999999999999999999999:2:id,3:p-1,}',
  'T9:2:id,1:1#}',
  'T18:2:id,9:6:2:xy,0:,}]}',
]) {
  test(`${text.slice(0, 30) || 'nothing'} does not tell`, () => {
    assert.equal(idPrefixes(Buffer.from(text), ['p']), null);
  });
}
