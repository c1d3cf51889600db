import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseHttpResponse, parseHttpStream, parseWsMessage } from '../../../../src/codec/grip/publish-formats.ts';

const EMPTY = Buffer.alloc(0);

function fail(detail: string): never {
  throw new RangeError(detail);
}

type Parse = (value: unknown, fail: (detail: string) => never) => unknown;

function refuses(parse: Parse, value: unknown, detail: string): void {
  assert.throws(() => parse(value, fail), { name: 'RangeError', message: detail }, JSON.stringify(value));
}

describe('http-response', () => {
  it('is a 200 with a body by default', () => {
    assert.deepEqual(parseHttpResponse({ body: 'é' }, fail), {
      action: 'send',
      code: 200,
      reason: 'OK',
      headers: [],
      exposeHeaders: null,
      body: Buffer.from('é'),
      bodyPatch: null,
      contentFilters: null,
    });
  });

  it('takes code, reason, headers and filters', () => {
    const format = parseHttpResponse(
      { action: 'send', code: 404, reason: 'Añ', headers: { A: 'é' }, 'content-filters': ['f'], body: '' },
      fail,
    );
    assert.equal(format?.code, 404);
    assert.equal(format?.reason, 'A\u00c3\u00b1');
    assert.deepEqual(format?.headers, ['A', '\u00c3\u00a9']);
    assert.deepEqual(format?.contentFilters, ['f']);
    assert.equal(parseHttpResponse({ code: 404, body: '' }, fail)?.reason, 'Not Found');
    assert.equal(parseHttpResponse({ code: 404, reason: '', body: '' }, fail)?.reason, 'Not Found');
    assert.deepEqual(parseHttpResponse({ 'content-filters': [], body: '' }, fail)?.contentFilters, []);
  });

  it('takes codes of 0 to 999, as strings too, and what is no number for 200', () => {
    for (const [given, used] of [
      [0, 0],
      [999, 999],
      ['503', 503],
      ['abc', 200],
      ['', 200],
    ] as const) {
      assert.equal(parseHttpResponse({ code: given, body: '' }, fail)?.code, used);
    }
    for (const code of [-1, 1000, '1000', '-5']) {
      refuses(parseHttpResponse, { code, body: '' }, "'http-response' contains 'code' with invalid value");
    }
    for (const code of [null, true, {}, [], 200.5]) {
      refuses(parseHttpResponse, { code, body: '' }, "'http-response' contains 'code' with wrong type");
    }
  });

  it('takes headers as pairs and drops Grip- fields, but for the names to expose', () => {
    const headers = [
      ['A', '1'],
      ['Grip-Expose-Headers', 'A, B'],
      ['a', '2'],
      ['GRIP-Hold', 'stream'],
      ['grip-expose-headers', 'c'],
    ];
    const format = parseHttpResponse({ headers, body: '' }, fail);
    assert.deepEqual(format?.headers, ['A', '1', 'a', '2']);
    assert.deepEqual(format?.exposeHeaders, ['A', 'B', 'c']);
    assert.equal(parseHttpResponse({ headers: { 'Grip-Expose-Headers': ' ' }, body: '' }, fail)?.exposeHeaders, null);
  });

  it('takes headers of up to 64 KiB', () => {
    const fits = { A: 'x'.repeat(65_536 - 5) };
    assert.equal(parseHttpResponse({ headers: fits, body: '' }, fail)?.headers.length, 2);
    const invalid = "'http-response' contains 'headers' with invalid value";
    refuses(parseHttpResponse, { headers: { A: 'x'.repeat(65_536 - 4) }, body: '' }, invalid);
    const many = Array.from({ length: 13_108 }, () => ['A', '']);
    refuses(parseHttpResponse, { headers: many, body: '' }, invalid);
  });

  it('makes response splitting impossible', () => {
    const invalid = "'http-response' contains 'headers' with invalid value";
    for (const headers of [{ A: 'b\r\nSet-Cookie: c' }, { A: '\0' }, { 'A\r\nB': 'c' }, { 'A:': 'c' }, { '': 'c' }]) {
      refuses(parseHttpResponse, { headers, body: '' }, invalid);
    }
    refuses(parseHttpResponse, { reason: 'x\r\n', body: '' }, "'http-response' contains 'reason' with invalid value");
  });

  it('takes body-bin before body before body-patch', () => {
    const patch = [{ op: 'add', path: '/a', value: 1 }];
    const all = { body: 'text', 'body-bin': 'AAE=', 'body-patch': patch };
    assert.deepEqual(parseHttpResponse(all, fail)?.body, Buffer.from([0, 1]));
    assert.deepEqual(parseHttpResponse({ body: 'text', 'body-patch': patch }, fail)?.bodyPatch, null);
    const patched = parseHttpResponse({ 'body-patch': patch }, fail);
    assert.deepEqual(patched?.bodyPatch, patch);
    assert.deepEqual(patched?.body, EMPTY);
  });

  it('needs one of the bodies', () => {
    refuses(parseHttpResponse, {}, "'http-response' does not contain 'body', 'body-bin', or 'body-patch'");
  });

  it('may be a hint, which carries nothing', () => {
    const hint = parseHttpResponse({ action: 'hint', code: 'x', body: 1 }, fail);
    assert.equal(hint?.action, 'hint');
    assert.deepEqual(hint?.body, EMPTY);
    assert.deepEqual(hint?.headers, []);
  });

  it('means nothing with the actions of other formats', () => {
    assert.equal(parseHttpResponse({ action: 'close' }, fail), null);
    assert.equal(parseHttpResponse({ action: 'refresh' }, fail), null);
  });

  it('is refused when it is not as it should be', () => {
    const cases: [unknown, string][] = [
      [null, "'http-response' is not an object"],
      ['x', "'http-response' is not an object"],
      [{ action: 1 }, "'http-response' contains 'action' with wrong type"],
      [{ action: 'explode', body: '' }, ''],
      [{ reason: 1, body: '' }, "'http-response' contains 'reason' with wrong type"],
      [{ headers: 1, body: '' }, "'http-response' contains 'headers' with wrong type"],
      [{ headers: [['A']], body: '' }, "'http-response' contains 'headers' with wrong type"],
      [{ headers: { A: null }, body: '' }, "'http-response' contains 'headers' with wrong type"],
      [{ 'content-filters': 'f', body: '' }, "'http-response' contains 'content-filters' with wrong type"],
      [{ 'content-filters': [1], body: '' }, "'http-response' contains 'content-filters' with wrong type"],
      [{ body: 1 }, "'http-response' contains 'body' with wrong type"],
      [{ 'body-bin': 1 }, "'http-response' contains 'body-bin' with wrong type"],
      [{ 'body-patch': {} }, "'http-response' contains 'body-patch' with wrong type"],
    ];
    for (const [value, detail] of cases) refuses(parseHttpResponse, value, detail);
  });
});

describe('http-stream', () => {
  it('takes content or content-bin', () => {
    const text = { action: 'send', content: Buffer.from('é'), contentFilters: null };
    assert.deepEqual(parseHttpStream({ content: 'é' }, fail), text);
    assert.deepEqual(parseHttpStream({ content: 'x', 'content-bin': 'w6k=' }, fail), text);
    assert.deepEqual(parseHttpStream({ content: '', 'content-filters': ['a', 'b'] }, fail)?.contentFilters, ['a', 'b']);
  });

  it('may close or hint, whatever content comes along', () => {
    assert.deepEqual(parseHttpStream({ action: 'close', content: '' }, fail), {
      action: 'close',
      content: EMPTY,
      contentFilters: null,
    });
    assert.equal(parseHttpStream({ action: 'hint', content: 1 }, fail)?.action, 'hint');
    assert.equal(parseHttpStream({ action: 'refresh' }, fail), null);
  });

  it('is refused when it is not as it should be', () => {
    const cases: [unknown, string][] = [
      [[], "'http-stream' is not an object"],
      [{}, "'http-stream' does not contain 'content' or 'content-bin'"],
      [{ content: 1 }, "'http-stream' contains 'content' with wrong type"],
      [{ 'content-bin': null }, "'http-stream' contains 'content-bin' with wrong type"],
      [{ content: '', 'content-filters': 1 }, "'http-stream' contains 'content-filters' with wrong type"],
      [{ action: [], content: '' }, "'http-stream' contains 'action' with wrong type"],
      [{ action: 'Send', content: '' }, ''],
    ];
    for (const [value, detail] of cases) refuses(parseHttpStream, value, detail);
  });
});

describe('ws-message', () => {
  it('is accepted in all its forms', () => {
    const valid = [
      { content: '' },
      { type: 'text', content: 'x' },
      { type: 'binary', 'content-bin': '' },
      { type: 'ping' },
      { type: 'pong', content: 'x' },
      { action: 'close' },
      { action: 'close', code: 1000, reason: 'bye' },
      { action: 'close', code: 'abc' },
      { action: 'refresh' },
      { action: 'hint' },
    ];
    for (const value of valid) assert.doesNotThrow(() => parseWsMessage(value, fail), JSON.stringify(value));
  });

  it('is refused when it is not as it should be', () => {
    const cases: [unknown, string][] = [
      [1, "'ws-message' is not an object"],
      [{}, "'ws-message' does not contain 'content' or 'content-bin'"],
      [{ type: 'text' }, "'ws-message' does not contain 'content' or 'content-bin'"],
      [{ type: 'close', content: '' }, "'ws-message' contains 'type' with invalid value"],
      [{ type: 1, content: '' }, "'ws-message' contains 'type' with wrong type"],
      [{ content: 1 }, "'ws-message' contains 'content' with wrong type"],
      [{ 'content-bin': 1 }, "'ws-message' contains 'content-bin' with wrong type"],
      [{ content: '', 'content-filters': {} }, "'ws-message' contains 'content-filters' with wrong type"],
      [{ action: 'close', code: -1 }, "'ws-message' contains 'code' with invalid value"],
      [{ action: 'close', code: {} }, "'ws-message' contains 'code' with wrong type"],
      [{ action: 'close', reason: 1 }, "'ws-message' contains 'reason' with wrong type"],
      [{ type: 'ping', content: 'x'.repeat(126) }, "'ws-message' contains 'content' with invalid value"],
      [{ type: 'text', 'content-bin': '/w==' }, "'ws-message' contains 'content-bin' with invalid value"],
      [{ action: 'nope' }, ''],
    ];
    for (const [value, detail] of cases) refuses(parseWsMessage, value, detail);
  });

  it('has a type, a content, and for a close a code that may be sent and a reason that fits', () => {
    const parsed = (value: unknown) => {
      const { type, content, code, reason } = parseWsMessage(value, fail) ?? assert.fail('nothing');
      return [type, content.toString('latin1'), code, reason];
    };
    assert.deepEqual(parsed({ content: 'x' }), ['text', 'x', 1005, '']);
    assert.deepEqual(parsed({ content: 'x', 'content-bin': '/w==' }), ['binary', '\xff', 1005, '']);
    assert.deepEqual(parsed({ action: 'close', code: '4000', reason: 'bye' }), ['text', '', 4000, 'bye']);
    assert.deepEqual(parsed({ action: 'close', reason: 'bye' }), ['text', '', 1005, '']);
    assert.deepEqual(parsed({ action: 'close', code: 1006, reason: 'bye' }), ['text', '', 1005, '']);
    assert.deepEqual(parsed({ action: 'close', code: 1000, reason: 'é'.repeat(100) }), [
      'text',
      '',
      1000,
      'é'.repeat(61),
    ]);
    assert.equal(parseWsMessage({ action: 'hint' }, fail), null);
  });
});
