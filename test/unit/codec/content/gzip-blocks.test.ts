import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { GZIP_BEGINNING, GzipSum, gzipBlock } from '../../../../src/codec/content/index.ts';
import { seededRandom } from '../../../support/seeded-random.ts';

test('Blocks that were compressed apart make valid members, in any order and number', (t) => {
  const random = seededRandom(t);
  const chunks = Array.from({ length: 40 }, (_, i) => {
    const length = random.below(i % 4 === 0 ? 20_000 : 100);
    return Buffer.from(Array.from({ length }, () => 97 + random.below(5)));
  });
  const blocks = chunks.map(gzipBlock);
  for (let round = 0; round < 50; round++) {
    const chosen = Array.from({ length: random.below(12) }, () => random.below(chunks.length));
    const sum = new GzipSum();
    for (const at of chosen) sum.add(chunks[at] as Buffer);
    const member = Buffer.concat([GZIP_BEGINNING, ...chosen.map((at) => blocks[at] as Buffer), sum.end()]);
    assert.deepEqual(gunzipSync(member), Buffer.concat(chosen.map((at) => chunks[at] as Buffer)));
  }
});

test('An empty chunk changes nothing', () => {
  const sum = new GzipSum();
  for (const chunk of ['', 'hello', '', '', ' world', '']) sum.add(Buffer.from(chunk));
  for (const empty of [Buffer.alloc(0), Buffer.from([]), Buffer.from('x').subarray(1)]) sum.add(empty);
  const blocks = ['hello', ' world'].map((chunk) => gzipBlock(Buffer.from(chunk)));
  assert.equal(gunzipSync(Buffer.concat([GZIP_BEGINNING, ...blocks, sum.end()])).toString(), 'hello world');
});
