import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import {
  encodeAnswers,
  HandlerFrames,
  HandlerMessages,
  Mongrel2Error,
  parseAnswer,
  parseHandlerMessage,
  SocketMessages,
} from '../../src/codec/mongrel2/index.ts';
import { encodeMaskedFrame, type Opcode, WebSocketError } from '../../src/codec/websocket/index.ts';
import { readCases } from '../support/cases.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 400, numRuns: 20_000 };

const CASES = readCases('mongrel2');
const bytes = fc.uint8Array({ maxLength: 40 }).map((array) => Buffer.from(array));

/** What holds messages together, or breaks them. */
const PIECES = [
  ...['u ', '1', ' ', '1:1', '3:1 2', '3:X 1', ', ', ',', ':', 'X', '5:a', '10:3:ctl,0:}]', '0:}', '0:]', '3:1.5^'],
  ...[
    '{}',
    '2:{},',
    '0:,',
    '@a {',
    '}',
    '\0',
    '<a',
    '>',
    '/',
    '@*',
    '\x81',
    '\x85',
    '\x00',
    '\xff',
    '-',
    '99999999999',
  ],
];
const pieces = fc
  .array(fc.constantFrom(...PIECES), { maxLength: 12 })
  .map((list) => Buffer.from(list.join(''), 'latin1'));

/** Inputs of the cases of one kind with a byte changed, taken out or put in, or cut short. */
function mutants(kind: string): fc.Arbitrary<Buffer> {
  const inputs = CASES.filter((each) => each.kind === kind).map(({ input }) => input);
  return fc
    .tuple(fc.constantFrom(...inputs), fc.nat(), fc.nat(255), fc.constantFrom('change', 'remove', 'insert', 'cut'))
    .map(([input, place, byte, how]) => {
      const at = place % (input.length + 1);
      const after = input.subarray(how === 'change' || how === 'remove' ? at + 1 : at);
      if (how === 'cut') return Buffer.from(input.subarray(0, at));
      return Buffer.concat([input.subarray(0, at), how === 'remove' ? Buffer.alloc(0) : Buffer.from([byte]), after]);
    });
}

function inputs(kind: string): fc.Arbitrary<Buffer> {
  return fc.oneof(bytes, pieces, mutants(kind));
}

/** Cuts into pieces at any places. */
function cut(input: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % (input.length + 1)).sort((a, b) => a - b), input.length];
  return sorted.slice(1).map((end, index) => Buffer.from(input.subarray(sorted[index] as number, end)));
}

const places = fc.array(fc.nat(), { maxLength: 4 });

describe('any bytes', () => {
  test('are an answer or a Mongrel2Error, and an answer is written in the same way', () => {
    fc.assert(
      fc.property(inputs('mongrel2 answer'), (input) => {
        try {
          const { ids, body, control } = parseAnswer(input, 8);
          assert.ok(ids.length >= 1 && ids.length <= 8);
          for (const id of ids) assert.ok(Number.isSafeInteger(id) && id >= 0);
          if (control !== null) return;
          const uuid = input.toString('latin1', 0, input.indexOf(' '));
          const again = parseAnswer(Buffer.concat(encodeAnswers(uuid, ids, body)[0] ?? []), 8);
          assert.deepEqual(again, { ids, body, control });
        } catch (error) {
          if (!(error instanceof Mongrel2Error)) throw error;
        }
      }),
      BOX,
    );
  });

  test('are a message to a handler or a Mongrel2Error', () => {
    fc.assert(
      fc.property(inputs('mongrel2 message'), (input) => {
        try {
          parseHandlerMessage(input);
        } catch (error) {
          if (!(error instanceof Mongrel2Error)) throw error;
        }
      }),
      BOX,
    );
  });

  test('are frames or a WebSocketError, wherever they are cut', () => {
    const read = (parts: readonly Buffer[]): string[] => {
      const frames = new HandlerFrames(100);
      const found: string[] = [];
      try {
        for (const part of parts) {
          for (let at = frames.read(part, 0); frames.found; at = frames.read(part, at)) {
            found.push(`${frames.flags} ${frames.payload.toString('latin1')}`);
          }
          assert.ok(frames.held <= 1_024 + 1_024);
        }
      } catch (error) {
        if (!(error instanceof WebSocketError)) throw error;
        found.push(error.message);
      }
      return found;
    };
    fc.assert(
      fc.property(inputs('mongrel2 frames'), places, (input, at) => {
        assert.deepEqual(read(cut(input, at)), read([Buffer.from(input)]));
      }),
      BOX,
    );
  });

  test('are messages of a socket or a Mongrel2Error, wherever they are cut', () => {
    const read = (parts: readonly Buffer[]): string[] => {
      const messages = new SocketMessages(60);
      const found: string[] = [];
      try {
        for (const part of parts) {
          for (let at = messages.read(part, 0); messages.event !== 'none'; at = messages.read(part, at)) {
            found.push(`${messages.event} ${messages.path} ${messages.body.toString('latin1')}`);
          }
          assert.ok(messages.held <= 60);
        }
        // What is not complete is not refused yet, or only in one piece.
        return [...found, messages.held === 0 ? 'done' : 'incomplete'];
      } catch (error) {
        if (!(error instanceof Mongrel2Error)) throw error;
        return [...found, error.message];
      }
    };
    fc.assert(
      fc.property(inputs('mongrel2 socket'), places, (input, at) => {
        assert.deepEqual(read(cut(input, at)), read([Buffer.from(input)]));
      }),
      BOX,
    );
  });
});

const byteText = fc.array(fc.nat(255), { maxLength: 12 }).map((codes) => String.fromCharCode(...codes));
/** The server takes only tokens as names. */
const field = fc.tuple(fc.constantFrom('a', 'A', 'b', '__proto__', 'x-forwarded-for', 'PATH', '~'), byteText);
const target = fc
  .array(fc.integer({ min: 0x21, max: 0x7e }), { maxLength: 12 })
  .map((codes) => `/${String.fromCharCode(...codes)}`);

test('a request with any bytes in its headers is JSON for a strict parser, and its texts are those of the tnetstring', () => {
  fc.assert(
    fc.property(fc.array(field, { maxLength: 8 }), target, byteText, (fields, uri, method) => {
      const headers = fields.flat();
      const peer = { address: '127.0.0.1', port: 1 };
      const request = { method, target: uri, scheme: 'http', version: '1.1', headers, peer } as const;
      const [json, tnetstring] = (['json', 'tnetstring'] as const).map((protocol) => {
        const messages = new HandlerMessages({ ident: 'u', protocol, keepForwardedFor: false });
        const message = messages.request(1, request, messages.pattern('/'));
        assert.equal(messages.request(1, request, messages.pattern('/')), message);
        return parseHandlerMessage(Buffer.from(message as string, 'latin1'));
      });
      assert.ok(json !== undefined && tnetstring !== undefined);
      const sorted = (map: ReadonlyMap<string, unknown>) => [...map].sort(([a], [b]) => (a < b ? -1 : 1));
      assert.deepEqual(sorted(json.headers), sorted(tnetstring.headers));
      assert.equal(json.path, tnetstring.path);
    }),
    BOX,
  );
});

test('any message of a client comes out as it went in, however it is fragmented and cut', () => {
  const fragments = fc.array(bytes, { minLength: 1, maxLength: 5 });
  fc.assert(
    fc.property(fragments, fc.constantFrom<Opcode>(1, 2), fc.integer(), places, (list, opcode, key, at) => {
      const input = list.map((fragment, index) =>
        encodeMaskedFrame(index === 0 ? opcode : 0, fragment, key, index < list.length - 1),
      );
      const frames = new HandlerFrames(1_000);
      const found: string[] = [];
      for (const part of cut(Buffer.concat(input), at)) {
        for (let next = frames.read(part, 0); frames.found; next = frames.read(part, next)) {
          found.push(`${frames.flags} ${frames.payload.toString('hex')}`);
        }
      }
      assert.deepEqual(found, [`${0x80 | opcode} ${Buffer.concat(list).toString('hex')}`]);
    }),
    BOX,
  );
});
