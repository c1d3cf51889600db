import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCloseCode, type Role } from '../../src/codec/websocket/index.ts';
import { readCases } from '../support/cases.ts';
import { mutants } from '../support/mutants.ts';
import { fc } from '../support/properties.ts';
import { compare } from '../support/websocket/differences.ts';
import { type Compression, eventsOf, type Reading, type Sending } from '../support/websocket/messages.ts';
import { readByUs, writtenByUs } from '../support/websocket/our-side.ts';
import { readByWs, writtenByWs } from '../support/websocket/ws-side.ts';

/** The same inputs each time; those that a slow machine does not get to in the time are left out. */
const BOX = { seed: 6455, interruptAfterTimeLimit: 2_000 };

const LIMITS = { maxFrameBytes: 1e6, maxMessageBytes: 1e6, maxFragments: 1e3 };
/** Small enough that random input reaches each of them. */
const SMALL_LIMITS = { maxFrameBytes: 250, maxMessageBytes: 250, maxFragments: 4 };

const bytes = (maxLength: number) => fc.uint8Array({ maxLength }).map((array) => Buffer.from(array));

const content: fc.Arbitrary<{ text: boolean; data: Buffer }> = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 80 }).map((text) => ({ text: true, data: Buffer.from(text) })),
  bytes(200).map((data) => ({ text: false, data })),
  // Long, and of more than the smallest window.
  fc
    .tuple(bytes(40), fc.integer({ min: 1, max: 2_000 }))
    .map(([unit, times]) => ({ text: false, data: Buffer.concat(Array(times).fill(unit)) })),
);

const control: fc.Arbitrary<Sending> = fc.record({ kind: fc.constantFrom('ping', 'pong'), data: bytes(125) });

/** A message, cut into pieces, with control frames before and between them. */
const message: fc.Arbitrary<Sending[]> = fc
  .record({
    content,
    compress: fc.boolean(),
    cuts: fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 4 }),
    controls: fc.array(fc.option(control), { maxLength: 5 }),
  })
  .map(({ content: { text, data }, compress, cuts, controls }) => {
    const bounds = [0, ...cuts.map((cut) => Math.floor(cut * data.length)).sort((a, b) => a - b), data.length];
    return bounds.slice(1).flatMap((end, i): Sending[] => {
      const more = i < cuts.length;
      const piece: Sending = { kind: 'data', text, compress, more, data: data.subarray(bounds[i], end) };
      const before = controls[i] ?? null;
      return before === null ? [piece] : [before, piece];
    });
  });

const close: fc.Arbitrary<Sending> = fc.record({
  kind: fc.constant('close'),
  code: fc.integer({ min: 1000, max: 4999 }).filter(isCloseCode),
  // Whole characters, also of those that JavaScript keeps in halves.
  reason: fc.string({ unit: 'binary', maxLength: 30 }).map((text) => Buffer.from(text).toString()),
});
const silentClose: fc.Arbitrary<Sending> = fc.constant({ kind: 'close', code: null, reason: '' });

const conversation = fc
  .tuple(fc.array(message, { maxLength: 5 }), fc.option(fc.oneof(close, silentClose)))
  .map(([messages, end]) => [...messages.flat(), ...(end === null ? [] : [end])]);

const role = fc.constantFrom<Role>('server', 'client');
const otherOf = (one: Role): Role => (one === 'server' ? 'client' : 'server');

/** Every combination that can be agreed on; with 8 bits only `ws` sends. */
const compression = (leastBits: number): fc.Arbitrary<Compression | null> =>
  fc.option(fc.record({ windowBits: fc.integer({ min: leastBits, max: 15 }), contextTakeover: fc.boolean() }));

/** Lengths of the pieces in which bytes arrive, over and over. */
const sizes = fc.array(fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(100_000)), {
  minLength: 1,
  maxLength: 6,
});

function* split(input: Buffer, pieceSizes: readonly number[]): Iterable<Buffer> {
  for (let offset = 0, i = 0; offset < input.length; i++) {
    const end = offset + (pieceSizes[i % pieceSizes.length] as number);
    yield input.subarray(offset, end);
    offset = end;
  }
}

describe('what is valid', () => {
  test('and written by ws is read by us', async () => {
    await fc.assert(
      fc.asyncProperty(conversation, role, compression(8), sizes, async (sent, sender, agreed, pieceSizes) => {
        const wire = await writtenByWs(sent, sender, agreed);
        const reading: Reading = { role: otherOf(sender), limits: LIMITS, compression: agreed };
        assert.deepEqual(await readByUs(split(wire, pieceSizes), reading), eventsOf(sent));
      }),
      { ...BOX, numRuns: 1_000 },
    );
  });

  test('and written by us is read by ws', async () => {
    await fc.assert(
      fc.asyncProperty(conversation, role, compression(9), sizes, async (sent, sender, agreed, pieceSizes) => {
        const wire = await writtenByUs(sent, sender, agreed);
        const reading: Reading = { role: otherOf(sender), limits: LIMITS, compression: agreed };
        assert.deepEqual(await readByWs(split(wire, pieceSizes), reading), eventsOf(sent));
      }),
      { ...BOX, numRuns: 1_000 },
    );
  });
});

/** What may stand anywhere in frames. */
const piece = fc.oneof(
  fc.constantFrom('\x01', '\x81', '\x80', '\x00', '\xc1', '\x88', '\x89', '\x8a', '\xfe', '\xff', '\x7e', '\x7f'),
  fc.constantFrom(
    '\x81\x80\0\0\0\0',
    '\x01\x81\0\0\0\0a',
    '\x80\x02ok',
    '\x88\x02\x03\xe8',
    '\xc3\xa9',
    '\xed\xa0\x80',
  ),
  fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)),
);

/**
 * We fail at the byte that is wrong, and at half a code in a close frame when it is there; `ws` fails once the header is complete,
 * and at the length of that. For whoever has not failed yet this completes the header and half a code.
 */
const BEHIND = Buffer.alloc(14);

const reading: fc.Arbitrary<Reading> = fc.record({
  role,
  limits: fc.constantFrom(SMALL_LIMITS, LIMITS),
  compression: fc.constantFrom(
    null,
    { windowBits: 15, contextTakeover: true },
    { windowBits: 9, contextTakeover: false },
  ),
});

const hasFailed = (events: readonly string[]) => events.at(-1)?.startsWith('error ') === true;

/** Has both read `input`: the same comes of it, but for what is known. */
async function agree(input: Buffer, how: Reading, pieceSizes: readonly number[]): Promise<void> {
  const longer = Buffer.concat([input, BEHIND]);
  let ours = await readByUs(split(input, pieceSizes), how);
  let theirs = await readByWs(split(input, pieceSizes), how);
  if (hasFailed(ours) && !hasFailed(theirs)) theirs = await readByWs(split(longer, pieceSizes), how);
  else if (hasFailed(theirs) && !hasFailed(ours)) ours = await readByUs(split(longer, pieceSizes), how);
  if (compare(ours, theirs) === 'different') assert.deepEqual(ours, theirs);
}

describe('what is perhaps not valid is read by us as by ws', () => {
  const cases = readCases('websocket').filter(({ kind, input }) => kind.startsWith('frames') && input.length <= 300);

  test('frames of the cases with changes', async () => {
    const changed = mutants(cases, piece, 3).map((text) => Buffer.from(text, 'latin1'));
    await fc.assert(fc.asyncProperty(changed, reading, sizes, agree), { ...BOX, numRuns: 4_000 });
  });

  test('conversations with changes, compressed or not', async () => {
    const changes = fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), piece), {
      minLength: 1,
      maxLength: 3,
    });
    await fc.assert(
      fc.asyncProperty(conversation, changes, reading, sizes, async (sent, changed, how, pieceSizes) => {
        const wire = await writtenByUs(sent, otherOf(how.role), how.compression);
        for (const [at, inserted] of changed) wire.write(inserted, Math.floor(at * wire.length), 'latin1');
        await agree(wire, how, pieceSizes);
      }),
      { ...BOX, numRuns: 1_500 },
    );
  });

  test('frames made of noise', async () => {
    const noise = fc.array(piece, { maxLength: 30 }).map((pieces) => Buffer.from(pieces.join(''), 'latin1'));
    await fc.assert(fc.asyncProperty(noise, reading, sizes, agree), { ...BOX, numRuns: 4_000 });
  });
});
