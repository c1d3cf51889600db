import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  GripError,
  holdModeOf,
  type Instruct,
  isInstruct,
  PublishError,
  type PublishItem,
  parseInstruct,
  parsePublishItems,
} from '../../src/codec/grip/index.ts';
import { responseHeadText } from '../../src/codec/http1/index.ts';
import { fc } from '../support/properties.ts';

/** Time for each property. */
const BOX = { interruptAfterTimeLimit: 2_000, numRuns: 20_000 };

const NAMES = [
  ...['Grip-Hold', 'Grip-Channel', 'Grip-Timeout', 'Grip-Keep-Alive', 'Grip-Status', 'Grip-Set-Meta'],
  ...['Grip-Expose-Headers', 'Grip-Link', 'Content-Type', 'Connection', 'X-A'],
];
const VALUES = [
  ...['response', 'stream', 'a, b; prev-id=1; filter=f', '5', '-1', 'x; format=cstring; mode=interval', '\\x0a'],
  ...['x; timeout=3', '404 Not', 'k="v, w"', 'X-A', '</>; rel=next', 'application/grip-instruct', '"', ';', ',', '='],
];

/** Characters of a field value (RFC 9110 §5.5), special ones more often. */
const fieldText = fc
  .array(
    fc.oneof(
      fc.constantFrom(...' \t",;=\\'),
      fc.integer({ min: 0x20, max: 0xff }).map((c) => String.fromCharCode(c)),
    ),
  )
  .map((characters) => characters.join('').replaceAll('\x7f', ''));

const headers = fc
  .array(fc.tuple(fc.constantFrom(...NAMES), fc.oneof(fc.constantFrom(...VALUES), fieldText)), { maxLength: 8 })
  .map((pairs) => pairs.flat());

/** Any JSON value. */
const anything = fc.jsonValue({ maxDepth: 3 });

/** Text with whatever may be dangerous in a head. */
const text = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 20 }),
  fc.constantFrom('a\r\nb', '\u010d\u010a', '\0', 'a'),
);

/** Mostly what GRIP wants, so that most documents are accepted or fail deep inside. */
function mostly(wanted: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 30, arbitrary: wanted }, { weight: 1, arbitrary: anything });
}

/** An object with some of the members. */
function some(members: Record<string, fc.Arbitrary<unknown>>, requiredKeys: string[] = []): fc.Arbitrary<object> {
  const model: Record<string, fc.Arbitrary<unknown>> = {};
  for (const key of Object.keys(members)) model[key] = mostly(members[key] as fc.Arbitrary<unknown>);
  return fc.record(model, { requiredKeys });
}

const name = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('A', 'Grip-Expose-Headers', 'grip-hold', 'Connection') },
  text,
);
const value = fc.oneof({ weight: 5, arbitrary: fc.string({ unit: 'grapheme' }) }, text);
const fields = fc.oneof(fc.dictionary(name, value, { maxKeys: 2 }), fc.array(fc.tuple(name, value), { maxLength: 2 }));
const reason = fc.oneof({ weight: 5, arbitrary: fc.string() }, text);
const code = fc.oneof(fc.integer({ min: 0, max: 999 }), fc.constantFrom('201', 'x'));
const content = { content: text, 'content-bin': text };
const filters = { 'content-filters': fc.array(text) };
const map = fc.dictionary(fc.oneof(text, fc.constant('__proto__')), text);

const httpResponse = some(
  { code, reason, headers: fields, body: text, 'body-bin': text, 'body-patch': fc.array(anything), ...filters },
  ['body'],
);
const httpStream = some({ action: fc.constantFrom('send', 'hint', 'close'), ...content, ...filters }, ['content']);
const wsMessage = some({ type: fc.constantFrom('text', 'binary', 'ping', 'pong'), ...content, ...filters }, [
  'content',
]);
const formats = { 'http-response': httpResponse, 'http-stream': httpStream, 'ws-message': wsMessage };
const item = some(
  { channel: text, id: text, 'prev-id': text, formats: some(formats), meta: map, size: fc.nat(), ...formats },
  ['channel', 'formats'],
);
const request = some({ items: fc.array(mostly(item), { maxLength: 3 }) }, ['items']);

const channel = some({ name: text, 'prev-id': text, filters: fc.array(text) }, ['name']);
const hold = some(
  {
    mode: fc.constantFrom('response', 'stream'),
    channels: fc.array(channel, { maxLength: 3 }),
    timeout: fc.integer(),
    'keep-alive': some({ ...content, timeout: fc.nat() }),
    meta: map,
  },
  ['channels'],
);
const response = some({ code, reason, headers: fields, body: text, 'body-bin': text });
const instruct = some({ hold, response });

function bodyOf(document: fc.Arbitrary<unknown>): fc.Arbitrary<Buffer> {
  const bytes = fc.uint8Array({ maxLength: 200 });
  return fc.oneof(
    { weight: 30, arbitrary: document.map((json) => Buffer.from(JSON.stringify(json))) },
    { weight: 1, arbitrary: bytes.map((raw) => Buffer.from(raw)) },
  );
}

/** The instruct, or null if it was refused in the proper way. */
function tryInstruct(status: number, given: string[], body: Buffer): Instruct | null {
  try {
    return parseInstruct(status, 'OK', given, body);
  } catch (error) {
    assert.ok(error instanceof GripError, String(error));
    assert.notEqual(error.detail, '');
    return null;
  }
}

function tryItems(body: Buffer): PublishItem[] {
  try {
    return parsePublishItems(body);
  } catch (error) {
    assert.ok(error instanceof PublishError, String(error));
    assert.doesNotMatch(error.message, /[\r\n]/);
    return [];
  }
}

/** Checks what every understood instruct promises. */
function checkInstruct({ hold, response }: Instruct): void {
  responseHeadText(Math.max(100, response.status), response.reason, response.headers);
  for (let i = 0; i < response.headers.length; i += 2) {
    assert.doesNotMatch(
      response.headers[i] as string,
      /^(grip-.*|connection|keep-alive|content-(encoding|length)|transfer-encoding)$/i,
    );
  }
  if (hold === null) return;
  assert.ok(Number.isSafeInteger(hold.timeout) && hold.timeout >= 5);
  for (const { name } of hold.channels) assert.notEqual(name, '');
  if (hold.keepAlive !== null) assert.ok(hold.keepAlive.timeout >= 1 && hold.keepAlive.content.length > 0);
}

describe('any response of an origin', () => {
  it('is an instruct whose response can be written, or a GripError, from its headers', () => {
    fc.assert(
      fc.property(headers, fc.integer({ min: 200, max: 999 }), (given, status) => {
        const understood = tryInstruct(status, given, Buffer.from('body'));
        if (understood === null) return;
        checkInstruct(understood);
        const early = holdModeOf(given);
        if (early !== null) assert.equal(understood.hold?.mode, early);
        if (!isInstruct(given)) assert.equal(understood.hold, null);
      }),
      BOX,
    );
  });

  it('is an instruct whose response can be written, or a GripError, from its JSON', () => {
    fc.assert(
      fc.property(headers, bodyOf(mostly(instruct)), (given, body) => {
        const understood = tryInstruct(200, ['Content-Type', 'application/grip-instruct', ...given], body);
        if (understood !== null) checkInstruct(understood);
      }),
      BOX,
    );
  });
});

describe('any publish request', () => {
  it('is items whose responses can be written, or a PublishError of one line', () => {
    fc.assert(
      fc.property(bodyOf(mostly(request)), (body) => {
        for (const published of tryItems(body)) {
          const format = published.httpResponse;
          if (format === null) continue;
          assert.ok(Number.isInteger(format.code) && format.code >= 0 && format.code <= 999);
          responseHeadText(Math.max(100, format.code), format.reason, format.headers);
        }
      }),
      BOX,
    );
  });
});
