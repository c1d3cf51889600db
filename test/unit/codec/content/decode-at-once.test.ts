import assert from 'node:assert/strict';
import { test } from 'node:test';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';
import { decodeAtOnce } from '../../../../src/codec/content/decode-at-once.ts';
import { BodyDecoder, type DecodedBody } from '../../../../src/codec/content/index.ts';
import { unguarded } from '../../../support/unguarded.ts';

const TEXT = 'A text that is said again, and again, and again. \u00e9\n'.repeat(40);

const ENCODED = [
  ['gzip', 'gzip', gzipSync(TEXT)],
  ['gzip by its older name', 'X-GZIP', gzipSync(TEXT)],
  ['deflate', 'deflate', deflateSync(TEXT)],
  ['deflate without the zlib format', 'deflate', deflateRawSync(TEXT)],
  ['br', 'br', brotliCompressSync(TEXT)],
] as const;

/** What a `BodyDecoder` makes of it; null when it is not valid. */
function decodedInPieces(coding: string, encoded: Buffer): Promise<Buffer | null> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const to: DecodedBody = {
      onDecoded: (chunk, more) => {
        chunks.push(chunk);
        if (!more) resolve(Buffer.concat(chunks));
      },
      onDecodingError: () => resolve(null),
      onEncodedTaken: () => {},
    };
    const decoder = new BodyDecoder(coding, to, 1_000_000_000, unguarded);
    decoder.write(encoded);
    decoder.decodePiecewise();
    decoder.end();
  });
}

for (const [name, coding, encoded] of ENCODED) {
  test(`${name} is decoded at once`, () => {
    assert.equal(decodeAtOnce(coding, encoded, 1_000_000)?.toString(), TEXT);
  });

  test(`Decoded ${name} may have as many bytes as the limit`, () => {
    const { length } = Buffer.from(TEXT);
    assert.equal(decodeAtOnce(coding, encoded, length)?.toString(), TEXT);
    assert.equal(decodeAtOnce(coding, encoded, length - 1), null);
  });

  test(`${name} is decoded at once with the same result as piece by piece, damaged or not`, async () => {
    const behind = [Buffer.from('more'), Buffer.alloc(20), encoded];
    const broken = [...behind.map((more) => Buffer.concat([encoded, more])), Buffer.from('no encoding at all')];
    for (let at = 0; at < encoded.length; at += 3) {
      broken.push(encoded.subarray(0, at + 1));
      const changed = Buffer.from(encoded);
      changed[at] = (changed[at] as number) ^ 0x55;
      broken.push(changed);
    }
    for (const each of broken) {
      const expected = await decodedInPieces(coding, each);
      const decoded = decodeAtOnce(coding, each, 1_000_000);
      // It may leave to the other what it does not understand.
      if (decoded !== null) assert.ok(expected?.equals(decoded));
    }
  });
}

test('An unknown coding is not decoded', () => {
  for (const coding of ['', 'identity', 'compress', 'zstd']) {
    assert.equal(decodeAtOnce(coding, gzipSync(TEXT), 1_000_000), null);
  }
});
