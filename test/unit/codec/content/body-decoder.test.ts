import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import * as zlib from 'node:zlib';
import {
  brotliCompressSync,
  constants,
  createBrotliCompress,
  createGzip,
  deflateRawSync,
  deflateSync,
  gzipSync,
} from 'node:zlib';
import { guarded } from '../../../../src/clock/index.ts';
import {
  ACCEPTED_CODINGS,
  BodyDecoder,
  ContentError,
  type DecodedBody,
  isDecodable,
} from '../../../../src/codec/content/index.ts';
import { eventually } from '../../../support/running-app.ts';
import { settled } from '../../../support/settled.ts';
import { unguarded } from '../../../support/unguarded.ts';

const TEXT = 'A text that is said again, and again, and again. \u00e9\n'.repeat(40);

const ENCODERS = {
  gzip: gzipSync,
  deflate: deflateSync,
  'deflate without the zlib format': deflateRawSync,
  br: brotliCompressSync,
} as const;

/** More credits than any body here needs. */
const MUCH = 1_000_000_000;

/** Keeps what a decoder makes. */
class Decoded implements DecodedBody {
  readonly chunks: Buffer[] = [];
  length = 0;
  outcome: 'end' | ContentError | null = null;
  /** Encoded bytes that were worked off. */
  taken = 0;
  readonly faults: unknown[] = [];
  /** Called for every chunk. */
  onChunk: () => void = () => {};
  onTaken: () => void = () => {};
  #finish: (() => void) | null = null;

  onDecoded(chunk: Buffer, more: boolean): void {
    assert.equal(this.outcome, null, 'a chunk after the end');
    assert.ok(chunk.length > 0 || !more, 'an empty chunk that is not the last');
    if (chunk.length > 0) this.chunks.push(chunk);
    this.length += chunk.length;
    this.onChunk();
    if (!more) this.#over('end');
  }

  onEncodedTaken(bytes: number): void {
    this.taken += bytes;
    this.onTaken();
  }

  onFault(thrown: unknown): void {
    this.faults.push(thrown);
  }

  onDecodingError(error: ContentError): void {
    this.#over(error);
  }

  get text(): string {
    return Buffer.concat(this.chunks).toString();
  }

  /** Resolves with how it ended. */
  async over(): Promise<'end' | ContentError> {
    if (this.outcome === null) {
      await new Promise<void>((resolve) => {
        this.#finish = resolve;
      });
    }
    return this.outcome as 'end' | ContentError;
  }

  #over(outcome: 'end' | ContentError): void {
    assert.equal(this.outcome, null, 'a second end');
    this.outcome = outcome;
    this.#finish?.();
  }
}

/** Decodes `encoded` in pieces of `size` bytes, with a stream of zlib's. */
async function decode(coding: string, encoded: Buffer, size = encoded.length): Promise<Decoded> {
  const to = new Decoded();
  const decoder = new BodyDecoder(coding, to, MUCH, unguarded);
  for (let i = 0; i < encoded.length; i += size) decoder.write(encoded.subarray(i, i + size));
  if (encoded.length > 0) decoder.decodePiecewise();
  decoder.end();
  await to.over();
  return to;
}

for (const [name, encode] of Object.entries(ENCODERS)) {
  const coding = name.split(' ')[0] as string;

  test(`${name} is decoded, whole and byte by byte`, async () => {
    for (const size of [1, 7, undefined]) {
      const { outcome, text } = await decode(coding, encode(Buffer.from(TEXT)), size);
      assert.equal(outcome, 'end');
      assert.equal(text, TEXT);
    }
  });

  test(`The encoding of nothing with ${name} gives nothing`, async () => {
    const { outcome, length } = await decode(coding, encode(Buffer.alloc(0)));
    assert.equal(outcome, 'end');
    assert.equal(length, 0);
  });

  test(`A truncated body is not valid ${name}`, async () => {
    const encoded = encode(Buffer.from(TEXT));
    const { outcome } = await decode(coding, encoded.subarray(0, encoded.length >> 1));
    assert.ok(outcome instanceof ContentError);
    assert.match(outcome.message, new RegExp(`^not valid ${coding}: `));
  });
}

test('Codings are known in any case, and gzip by its older name', async () => {
  assert.equal((await decode('X-GZip', gzipSync(TEXT))).text, TEXT);
  assert.equal((await decode('BR', brotliCompressSync(TEXT))).text, TEXT);
});

test('An encoded body without bytes is empty', async () => {
  for (const coding of ['gzip', 'deflate', 'br']) {
    const { outcome, length } = await decode(coding, Buffer.alloc(0));
    assert.equal(outcome, 'end');
    assert.equal(length, 0);
  }
});

test('Bytes that are not encoded are an error', async () => {
  for (const coding of ['gzip', 'deflate', 'br']) {
    const { outcome } = await decode(coding, Buffer.from('plain text that nobody has encoded'));
    assert.ok(outcome instanceof ContentError);
  }
});

test('An unsupported coding is refused before any byte', () => {
  for (const coding of ['compress', 'identity', 'gzip, br', '']) {
    assert.equal(isDecodable(coding), false);
    assert.throws(
      () => new BodyDecoder(coding, new Decoded(), MUCH, unguarded),
      (error) => error instanceof ContentError && error.message.includes(coding),
    );
  }
});

test('Every coding of Accept-Encoding can be decoded', () => {
  const codings = ACCEPTED_CODINGS.split(', ');
  assert.deepEqual(codings.slice(0, 3), ['gzip', 'deflate', 'br']);
  for (const coding of codings) assert.ok(isDecodable(coding));
});

test('zstd is accepted and decoded if Node has it', async () => {
  const { zstdCompressSync } = zlib as { zstdCompressSync?: (data: string) => Buffer };
  assert.equal(isDecodable('zstd'), zstdCompressSync !== undefined);
  assert.equal(ACCEPTED_CODINGS.includes('zstd'), zstdCompressSync !== undefined);
  if (zstdCompressSync !== undefined) assert.equal((await decode('zstd', zstdCompressSync(TEXT), 7)).text, TEXT);
});

test('Zeros after gzip are ignored, and anything else is an error', async () => {
  const encoded = gzipSync(TEXT);
  const padded = Buffer.concat([encoded, Buffer.alloc(20)]);
  for (const size of [1, undefined]) assert.equal((await decode('gzip', padded, size)).text, TEXT);
  for (const size of [1, undefined]) {
    const { outcome } = await decode('gzip', Buffer.concat([encoded, Buffer.from('more')]), size);
    assert.ok(outcome instanceof ContentError);
  }
});

test('Bytes after the end of deflate and br are ignored', async () => {
  for (const [coding, encoded] of [
    ['deflate', deflateSync(TEXT)],
    ['deflate', deflateRawSync(TEXT)],
    ['br', brotliCompressSync(TEXT)],
  ] as const) {
    for (const size of [1, undefined]) {
      const { outcome, text } = await decode(coding, Buffer.concat([encoded, Buffer.from('more')]), size);
      assert.equal(outcome, 'end');
      assert.equal(text, TEXT);
    }
  }
});

test('Several gzip members after each other are one body', async () => {
  const { text } = await decode('gzip', Buffer.concat([gzipSync('one '), gzipSync('two')]));
  assert.equal(text, 'one two');
});

for (const [coding, encoder] of [
  ['gzip', createGzip({ flush: constants.Z_SYNC_FLUSH })],
  ['br', createBrotliCompress({ flush: constants.BROTLI_OPERATION_FLUSH })],
] as const) {
  test(`Bytes that an origin has flushed with ${coding} are passed on at once`, async () => {
    const to = new Decoded();
    const decoder = new BodyDecoder(coding, to, MUCH, unguarded);
    const arrived = new Promise<void>((resolve) => {
      to.onChunk = () => {
        if (to.text === 'first') resolve();
      };
    });
    encoder.write('first');
    await once(encoder, 'readable');
    decoder.write(encoder.read() as Buffer);
    await arrived;
    decoder.destroy();
    encoder.destroy();
  });
}

test('Bytes count as taken when they have been decoded', async () => {
  const to = new Decoded();
  const decoder = new BodyDecoder('gzip', to, MUCH, unguarded);
  const encoded = gzipSync(TEXT);
  const taken = new Promise<void>((resolve) => {
    to.onTaken = resolve;
  });
  decoder.write(encoded);
  await taken;
  assert.equal(to.taken, encoded.length);
  decoder.end();
  await to.over();
  assert.equal(to.text, TEXT);
});

test('A bomb is decoded only as far as the credits go', async () => {
  const size = 16 * 1024 * 1024;
  for (const [coding, bomb] of [
    ['gzip', gzipSync(Buffer.alloc(size))],
    ['br', brotliCompressSync(Buffer.alloc(size))],
  ] as const) {
    const to = new Decoded();
    const decoder = new BodyDecoder(coding, to, 100_000, unguarded);
    const spent = new Promise<void>((resolve) => {
      to.onChunk = () => {
        if (to.length === 100_000) resolve();
      };
    });
    decoder.write(bomb);
    decoder.end();
    await spent;
    await settled(() => to.length);
    assert.equal(to.length, 100_000);
    assert.equal(to.taken, 0);
    decoder.credit(size);
    assert.equal(await to.over(), 'end');
    assert.equal(to.length, size);
  }
});

test('Credits may be granted within each chunk', async () => {
  for (const text of ['hello', 'x'.repeat(100_000)]) {
    const to = new Decoded();
    const decoder = new BodyDecoder('gzip', to, 1, unguarded);
    to.onChunk = () => decoder.credit(text.length / 5);
    decoder.write(gzipSync(text));
    decoder.end();
    assert.equal(await to.over(), 'end');
    assert.equal(to.text, text);
  }
});

test('An end without bytes needs no credits', () => {
  const to = new Decoded();
  const decoder = new BodyDecoder('gzip', to, 0, unguarded);
  decoder.write(gzipSync(''));
  decoder.end();
  assert.equal(to.outcome, 'end');
});

test('One-byte chunks that come while the stream is busy are decoded together', async () => {
  const to = new Decoded();
  const decoder = new BodyDecoder('gzip', to, MUCH, unguarded);
  let takes = 0;
  to.onTaken = () => takes++;
  const encoded = gzipSync(TEXT);
  for (let i = 0; i < encoded.length; i++) decoder.write(encoded.subarray(i, i + 1));
  decoder.decodePiecewise();
  decoder.end();
  await to.over();
  assert.equal(to.text, TEXT);
  assert.equal(to.taken, encoded.length);
  assert.equal(takes, 1);
});

/** A body that needs a window of 16 MB, and that is not complete. */
function hungry(): { to: Decoded; decoder: BodyDecoder; open: Promise<void> } {
  const to = new Decoded();
  const decoder = new BodyDecoder('br', to, MUCH, unguarded);
  const params = { [constants.BROTLI_PARAM_LGWIN]: 24, [constants.BROTLI_PARAM_QUALITY]: 1 };
  const open = new Promise<void>((resolve) => {
    to.onTaken = resolve;
  });
  decoder.write(brotliCompressSync(TEXT, { params }).subarray(0, 20));
  decoder.decodePiecewise();
  return { to, decoder, open };
}

test('Large windows have a budget, and a decoder beyond it waits for another one to end', async () => {
  const first = Array.from({ length: 32 }, hungry);
  await Promise.all(first.map(({ open }) => open));
  const [next, last] = [hungry(), hungry()];
  const small = await decode('gzip', gzipSync(TEXT));
  assert.equal(small.text, TEXT);
  await settled(() => next.to.taken);
  assert.equal(next.to.taken, 0);
  next.decoder.destroy();
  first[0]?.decoder.destroy();
  await last.open;
  for (const { decoder } of first) decoder.destroy();
  last.decoder.destroy();
  const after = hungry();
  await after.open;
  after.decoder.destroy();
});

test('An exception of the receiver is reported to it, from any entry point', async () => {
  const encoded = gzipSync('x'.repeat(100_000));
  const throws = (): void => {
    throw new Error('receiver');
  };
  // Within a chunk of the stream, at the end of the stream, and when encoded bytes were worked off.
  for (const arm of [
    (to: Decoded): void => {
      to.onChunk = throws;
    },
    (to: Decoded): void => {
      to.onChunk = () => {
        if (to.length === 100_000) throws();
      };
    },
    (to: Decoded): void => {
      to.onTaken = throws;
    },
  ]) {
    const to = new Decoded();
    arm(to);
    const decoder = new BodyDecoder('gzip', to, MUCH, (call) => guarded(to, call));
    decoder.write(encoded);
    decoder.decodePiecewise();
    decoder.end();
    await eventually(() => to.faults.length > 0);
    decoder.destroy();
  }
});

test('A receiver that throws at a decoding error gets a fault', async () => {
  const to = new Decoded();
  to.onDecodingError = () => {
    throw new Error('receiver');
  };
  const decoder = new BodyDecoder('gzip', to, MUCH, (call) => guarded(to, call));
  decoder.write(Buffer.from('plain'));
  decoder.end();
  await settled(() => to.faults.length);
  assert.equal(to.faults.length, 1);
});

test('A destroyed decoder makes no more calls', async () => {
  const to = new Decoded();
  const decoder = new BodyDecoder('gzip', to, MUCH, unguarded);
  to.onChunk = () => decoder.destroy();
  decoder.write(gzipSync(Buffer.alloc(1_000_000)));
  decoder.end();
  await settled(() => to.length);
  assert.equal(to.chunks.length, 1);
  assert.equal(to.outcome, null);
});

test('A decoder that is destroyed before its first byte makes no calls', () => {
  const to = new Decoded();
  const decoder = new BodyDecoder('gzip', to, MUCH, unguarded);
  decoder.destroy();
  decoder.end();
  assert.equal(to.outcome, null);
});
