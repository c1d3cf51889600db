import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { fieldValue } from '../../src/codec/fields/index.ts';
import {
  bodyReader,
  CHUNKED,
  DEFAULT_LIMITS,
  encodeChunk,
  Http1Error,
  type Http1Limits,
  type Http1RequestHead,
  isToken,
  LAST_CHUNK,
  MAX_EXTENSION_BYTES,
  RequestHeadReader,
  ResponseHeadReader,
  requestHeadText,
  responseHeadText,
} from '../../src/codec/http1/index.ts';
import { readCases } from '../support/cases.ts';
import { type Feeding, Http1Transcript, type ReadMessage } from '../support/http1-transcript.ts';
import { mutants } from '../support/mutants.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 600, numRuns: 20_000 };

/** Small enough that random input reaches each of them. */
const SMALL_LIMITS: Http1Limits = { maxHeadBytes: 120, maxHeaders: 4, maxTargetBytes: 20, lenientLineEnds: false };

const MESSAGES = readCases('http1').filter(({ input }) => input.length <= 400);

/** What breaks messages, or puts them together. */
const PIECES = [
  ...['\r', '\n', '\r\n', '\r\n\r\n', '\n\n', '\0', ' ', '\t', ':', ',', ';', '"', '\x0b', '\x7f', '\xa0', '\xff'],
  ...[
    '0',
    '3',
    'f',
    '-',
    '+',
    '0x',
    '9007199254740991',
    '0\r\n\r\n',
    '3\r\nabc\r\n',
    '3;a\r\n',
    'abc',
    '0000000000000000',
  ],
  ...[
    'GET / HTTP/1.1\r\n',
    'POST http://a?b HTTP/1.0\r\n',
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 100 \r\n',
    'HTTP/1.0 304\r\n',
  ],
  ...['Host: a\r\n', 'Content-Length: 3\r\n', 'Transfer-Encoding: chunked\r\n', 'Connection: close\r\n', 'X: y\r\n'],
  ...[
    'Content-Length',
    'Transfer-Encoding',
    'chunked',
    'gzip',
    'close',
    'HTTP/2.0',
    'CONNECT',
    'Expect: 100-continue\r\n',
  ],
];

const piece = fc.oneof(
  fc.constantFrom(...PIECES),
  fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
);

/** Pieces in any order. */
const noise = fc.array(piece, { maxLength: 30 }).map((pieces) => pieces.join(''));

const mutant = mutants(MESSAGES, piece, 4);

const bytes = fc.oneof(mutant, noise).map((text) => Buffer.from(text, 'latin1'));

const feeding: fc.Arbitrary<Feeding> = fc.record({
  limits: fc.constantFrom(DEFAULT_LIMITS, { ...DEFAULT_LIMITS, lenientLineEnds: true }, SMALL_LIMITS, {
    ...SMALL_LIMITS,
    lenientLineEnds: true,
  }),
  credit: fc.constantFrom(Number.POSITIVE_INFINITY, 1, 2, 7),
  method: fc.constantFrom(null, 'GET', 'HEAD'),
});

/** Sizes of the pieces that input arrives in, used again and again. */
const sizes = fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 6 });

function* split(input: Buffer, pieceSizes: readonly number[]): Iterable<Buffer> {
  for (let offset = 0, i = 0; offset < input.length; i++) {
    const end = offset + (pieceSizes[i % pieceSizes.length] as number);
    yield input.subarray(offset, end);
    offset = end;
  }
}

const token = fc
  .string({ unit: fc.constantFrom(..."!#$%&'*+-.^_`|~09AZaz"), minLength: 1, maxLength: 20 })
  .filter((text) => text !== 'CONNECT');

const FRAMING = ['content-length', 'transfer-encoding', 'connection', 'keep-alive', 'host', 'expect'];
const name = token.filter((text) => !FRAMING.includes(text.toLowerCase()));

/** Any text that can stand in a head: HTAB, SP, VCHAR, obs-text. */
const fieldText = fc.string({
  unit: fc.integer({ min: 0x20, max: 0xff }).map((code) => (code === 0x7f ? '\t' : String.fromCharCode(code))),
  maxLength: 30,
});
const value = fieldText.map((text) => text.replace(/^[ \t]+|[ \t]+$/g, ''));
const headers = fc.array(fc.tuple(name, value), { maxLength: 10 }).map((pairs) => pairs.flat());

const target = fc
  .string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)), maxLength: 40 })
  .map((text) => `/${text.replaceAll('#', '')}`);

/** A body as it is framed, and its bytes. */
const body = fc
  .tuple(fc.array(fc.uint8Array({ minLength: 1, maxLength: 40 }), { maxLength: 5 }), fc.boolean())
  .map(([chunks, chunked]) => {
    const data = Buffer.concat(chunks);
    const framing = chunked ? 'Transfer-Encoding: chunked\r\n\r\n' : `Content-Length: ${data.length}\r\n\r\n`;
    const encoded = chunks.map((chunk) => encodeChunk(Buffer.from(chunk)).toString('latin1')).join('') + LAST_CHUNK;
    return { data: data.toString('latin1'), bytes: framing + (chunked ? encoded : data.toString('latin1')) };
  });

function readBack(text: string, method: string | null): ReadMessage {
  const unlimited = { limits: DEFAULT_LIMITS, credit: Number.POSITIVE_INFINITY, method };
  const transcript = Http1Transcript.of([Buffer.from(text, 'latin1')], unlimited);
  assert.equal(transcript.messages.length, 1, transcript.events.join('\n'));
  const message = transcript.messages[0] as ReadMessage;
  assert.ok(message.complete, transcript.events.join('\n'));
  return message;
}

/** The fields as a reader gives them, without those that the writers leave out. */
function kept(fields: readonly string[]): string[] {
  const dropped = ['content-length', 'transfer-encoding', 'connection', 'keep-alive'];
  return fields.filter((_, i) => !dropped.includes((fields[i - (i % 2)] as string).toLowerCase()));
}

describe('reading', () => {
  test('gives the same events however the input is split and credit is granted', () => {
    fc.assert(
      fc.property(bytes, feeding, sizes, (input, how, pieceSizes) => {
        const whole = Http1Transcript.of([input], { ...how, credit: Number.POSITIVE_INFINITY });
        const pieces = Http1Transcript.of(split(input, pieceSizes), how);
        assert.deepEqual(pieces.events, whole.events);
      }),
      BOX,
    );
  });

  // The transcript passes on what is no Http1Error, and throws if a reader exceeds its credit or stops taking input.
  test('of any bytes ends in messages or in an Http1Error', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), feeding, (input, how) => {
        Http1Transcript.of([Buffer.from(input)], how);
      }),
      BOX,
    );
  });

  test('never holds more of a head than maxHeadBytes', () => {
    fc.assert(
      fc.property(bytes, sizes, fc.boolean(), fc.boolean(), (input, pieceSizes, requests, lenientLineEnds) => {
        const limits = { ...SMALL_LIMITS, lenientLineEnds };
        const reader = requests ? new RequestHeadReader(limits) : new ResponseHeadReader(limits);
        let held = 0;
        try {
          for (const part of split(input, pieceSizes)) {
            const complete = reader.read(part, 0, 'GET') !== null;
            held = complete ? 0 : held + part.length;
            assert.ok(held <= limits.maxHeadBytes);
          }
        } catch (error) {
          assert.ok(error instanceof Http1Error, String(error));
        }
      }),
      BOX,
    );
  });

  test('never takes more framing of a chunked body than its limits allow', () => {
    const framing = fc.array(fc.constantFrom('1', '0', '\r', '\n', '\r\n', ';', ' ', 'X: y\r\n', 'a'.repeat(900)), {
      maxLength: 40,
    });
    // The longest size line and the longest trailers, with line ends and one byte of data before them.
    const bound = 16 + MAX_EXTENSION_BYTES + SMALL_LIMITS.maxHeadBytes + 8;
    fc.assert(
      fc.property(framing, sizes, (parts, pieceSizes) => {
        const reader = bodyReader(CHUNKED, SMALL_LIMITS);
        let taken = 0;
        try {
          for (const part of split(Buffer.from(parts.join(''), 'latin1'), pieceSizes)) {
            for (let offset = 0; offset < part.length && !reader.done; ) {
              const end = reader.read(part, offset, 1);
              taken = reader.data === null ? taken + end - offset : 0;
              offset = end;
              assert.ok(taken <= bound);
            }
          }
        } catch (error) {
          assert.ok(error instanceof Http1Error, String(error));
        }
      }),
      BOX,
    );
  });
});

describe('writing', () => {
  test('a request is read back equal', () => {
    fc.assert(
      fc.property(token, target, headers, body, (method, path, fields, { data, bytes: rest }) => {
        const message = readBack(`${requestHeadText(method, path, ['Host', 'a', ...fields])}${rest}`, null);
        const head = message.head as Http1RequestHead;
        assert.deepEqual([head.method, head.target, head.authority], [method, path, 'a']);
        assert.deepEqual(kept(head.headers), ['Host', 'a', ...fields]);
        assert.equal(message.body, data);
      }),
      BOX,
    );
  });

  test('a response is read back equal', () => {
    const status = fc.integer({ min: 200, max: 999 }).filter((code) => code !== 204 && code !== 304);
    fc.assert(
      fc.property(status, fieldText, headers, body, (code, reason, fields, { data, bytes: rest }) => {
        const message = readBack(`${responseHeadText(code, reason, fields)}${rest}`, 'GET');
        assert.ok('status' in message.head);
        assert.deepEqual([message.head.status, message.head.reason], [code, reason]);
        assert.deepEqual(kept(message.head.headers), fields);
        assert.equal(message.body, data);
      }),
      BOX,
    );
  });

  test('whatever text goes into a head, one head comes out, or an Http1Error', () => {
    const anyText = fc.oneof(
      fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 10 }).map((units) => String.fromCharCode(...units)),
      fc.array(piece, { maxLength: 4 }).map((pieces) => pieces.join('')),
    );
    const anyHeaders = fc.array(fc.tuple(fc.oneof(name, anyText), anyText), { maxLength: 4 });
    fc.assert(
      fc.property(anyText, anyHeaders, (text, pairs) => {
        const fields = pairs.flat();
        for (const write of [
          () => responseHeadText(200, text, fields),
          () => requestHeadText(text, '/', fields),
          () => requestHeadText('GET', text, fields),
        ]) {
          let head: string;
          try {
            head = write();
          } catch (error) {
            assert.ok(error instanceof Http1Error && error.kind === 'unwritable', String(error));
            continue;
          }
          const lines = head.split('\r\n');
          assert.equal(lines.length, 2 + kept(fields).length / 2);
          assert.equal(lines.pop(), '');
          assert.ok(lines.every((line) => !/[\r\n\0]|[^\0-\xff]/.test(line)));
          assert.ok(lines.slice(1).every((line) => isToken(line.slice(0, line.indexOf(':')))));
        }
      }),
      BOX,
    );
  });

  test('every request head that was read can be written, and is read back equal', () => {
    fc.assert(
      fc.property(bytes, feeding, (input, how) => {
        for (const { head } of Http1Transcript.of([input], { ...how, method: null }).messages) {
          assert.ok('target' in head);
          const headers = kept(head.headers);
          if (fieldValue(headers, 'host') === undefined) headers.push('Host', head.authority);
          const text = `${requestHeadText(head.method, head.target, headers)}\r\n`;
          const again = new RequestHeadReader(DEFAULT_LIMITS).read(Buffer.from(text, 'latin1'), 0);
          assert.deepEqual([again?.method, again?.target, again?.headers], [head.method, head.target, headers]);
        }
      }),
      BOX,
    );
  });

  test('every response head that was read can be written, and is read back equal', () => {
    fc.assert(
      fc.property(bytes, feeding, (input, how) => {
        for (const { head } of Http1Transcript.of([input], { ...how, method: 'GET' }).messages) {
          assert.ok('status' in head);
          const headers = kept(head.headers);
          const text = `${responseHeadText(head.status, head.reason, headers)}\r\n`;
          const again = new ResponseHeadReader(DEFAULT_LIMITS).read(Buffer.from(text, 'latin1'), 0, 'GET');
          assert.deepEqual([again?.status, again?.reason, again?.headers], [head.status, head.reason, headers]);
        }
      }),
      BOX,
    );
  });
});
