import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { HttpResponseFormat, HttpStreamFormat, Item } from '@fanoutio/grip';
import { PublishError, type PublishItem, parsePublishItems } from '../../../../src/codec/grip/index.ts';

function parse(...items: unknown[]): PublishItem[] {
  return parsePublishItems(Buffer.from(JSON.stringify({ items })));
}

function refusesText(body: string | Buffer, message: string): void {
  assert.throws(
    () => parsePublishItems(Buffer.from(body)),
    (error) => error instanceof PublishError && error.message === message,
    `${body} is not refused with ${message}`,
  );
}

function refuses(item: unknown, detail: string): void {
  const good = { channel: 'c', formats: { 'http-stream': { content: 'x' } } };
  refusesText(JSON.stringify({ items: [good, item, good] }), `Invalid format: ${detail}`);
}

describe('a publish request', () => {
  it('must be a JSON object with a list of items', () => {
    refusesText('', 'Body is not valid JSON.');
    refusesText('{"items":', 'Body is not valid JSON.');
    refusesText(Buffer.from('{"items":[],"x":"\xff"}', 'latin1'), 'Body is not valid JSON.');
    for (const text of ['[]', 'null', '1', '"x"']) refusesText(text, 'Invalid format.');
    refusesText('{}', "Invalid format: object does not contain 'items'");
    for (const items of ['{}', 'null', '"x"']) {
      refusesText(`{"items":${items}}`, "Invalid format: object contains 'items' with wrong type");
    }
  });

  it('may have no items', () => {
    assert.deepEqual(parse(), []);
  });
});

describe('a publish item', () => {
  it('has channel, ids, metadata, size, order and formats', () => {
    const [item] = parse({
      channel: 'é',
      id: '2',
      'prev-id': '1',
      meta: { user: 's' },
      size: 10,
      'no-seq': true,
      formats: { 'http-response': { body: 'r' }, 'http-stream': { content: 's' }, 'ws-message': { content: 'w' } },
    });
    assert.deepEqual(
      { ...item, meta: { ...item?.meta } },
      {
        channel: 'é',
        id: '2',
        prevId: '1',
        meta: { user: 's' },
        size: 10,
        noSeq: true,
        extras: null,
        httpResponse: {
          action: 'send',
          code: 200,
          reason: 'OK',
          headers: [],
          exposeHeaders: null,
          body: Buffer.from('r'),
          bodyPatch: null,
          contentFilters: null,
        },
        httpStream: { action: 'send', content: Buffer.from('s'), contentFilters: null },
        wsMessage: {
          action: 'send',
          type: 'text',
          content: Buffer.from('w'),
          code: 1005,
          reason: '',
          contentFilters: null,
        },
      },
    );
  });

  it('needs no more than a channel and a format', () => {
    const [item] = parse({ channel: '', formats: { 'http-stream': { content: 'x' } } });
    assert.deepEqual(
      { ...item, meta: { ...item?.meta }, httpStream: null },
      {
        channel: '',
        id: null,
        prevId: null,
        meta: {},
        size: null,
        noSeq: false,
        extras: null,
        wsMessage: null,
        httpResponse: null,
        httpStream: null,
      },
    );
  });

  it('may have its formats at top level where formats is missing', () => {
    const [item, both] = parse(
      {
        channel: 'c',
        'http-response': { body: 'r' },
        'http-stream': { action: 'close' },
        'ws-message': { type: 'ping' },
      },
      { channel: 'c', 'http-response': { body: 'r' }, formats: { 'http-stream': { content: 's' } } },
    );
    assert.equal(item?.httpResponse?.body.toString(), 'r');
    assert.equal(item?.httpStream?.action, 'close');
    assert.equal(both?.httpResponse, null);
    assert.equal(both?.httpStream?.content.toString(), 's');
  });

  it('is accepted when nothing in it is for HTTP', () => {
    for (const formats of [{ 'ws-message': { content: 'x' } }, { 'fax-page': 1 }]) {
      const [item] = parse({ channel: 'c', formats });
      assert.deepEqual([item?.httpResponse, item?.httpStream], [null, null]);
    }
    assert.equal(parse({ channel: 'c', 'ws-message': { content: 'x' } }).length, 1);
  });

  it('is accepted with a code that is no number and with invalid base64', () => {
    const [item] = parse({ channel: 'c', 'http-response': { code: 'abc', 'body-bin': '*' } });
    assert.equal(item?.httpResponse?.code, 200);
    assert.equal(item?.httpResponse?.body.length, 0);
  });

  it('is refused, and the whole batch with it, when it is not as it should be', () => {
    const stream = { 'http-stream': { content: 'x' } };
    const cases: [unknown, string][] = [
      ['x', 'publish item object is not an object'],
      [null, 'publish item object is not an object'],
      [{ formats: stream }, "publish item object does not contain 'channel'"],
      [{ channel: 1, formats: stream }, "publish item object contains 'channel' with wrong type"],
      [{ channel: 'c', id: 1, formats: stream }, "publish item object contains 'id' with wrong type"],
      [{ channel: 'c', 'prev-id': null, formats: stream }, "publish item object contains 'prev-id' with wrong type"],
      [{ channel: 'c', formats: [] }, "publish item object contains 'formats' with wrong type"],
      [{ channel: 'c', formats: null, ...stream }, "publish item object contains 'formats' with wrong type"],
      [{ channel: 'c', formats: {} }, 'no formats specified'],
      [{ channel: 'c' }, 'no formats specified'],
      [{ channel: 'c', 'fax-page': {} }, 'no formats specified'],
      [{ channel: 'c', 'http-stream': null }, "'http-stream' is not an object"],
      [{ channel: 'c', meta: [], formats: stream }, "publish item object contains 'meta' with wrong type"],
      [{ channel: 'c', meta: { a: 1 }, formats: stream }, "publish item object contains 'meta' with wrong type"],
      [
        { channel: 'c', formats: { 'http-response': { 'body-patch': Array(1_001).fill({}) } } },
        "'http-response' contains 'body-patch' with over 1000 operations",
      ],
      [{ channel: 'c', size: 'x', formats: stream }, "publish item object contains 'size' with wrong type"],
      [{ channel: 'c', size: -1, formats: stream }, "publish item object contains 'size' with invalid value"],
      [{ channel: 'c', id: 'é'.repeat(513), formats: stream }, "publish item object contains 'id' with invalid value"],
      [
        { channel: 'c', 'prev-id': 'x'.repeat(1_025), formats: stream },
        "publish item object contains 'prev-id' with invalid value",
      ],
      [{ channel: 'c', 'no-seq': 1, formats: stream }, "publish item object contains 'no-seq' with wrong type"],
      [{ channel: 'c', formats: { 'http-stream': { action: 'x' } } }, ''],
      [
        { channel: 'c', formats: { 'http-response': {} } },
        "'http-response' does not contain 'body', 'body-bin', or 'body-patch'",
      ],
      [{ channel: 'c', formats: { 'http-stream': {} } }, "'http-stream' does not contain 'content' or 'content-bin'"],
      [{ channel: 'c', formats: { 'ws-message': {} } }, "'ws-message' does not contain 'content' or 'content-bin'"],
    ];
    for (const [item, detail] of cases) refuses(item, detail);
  });
});

describe('an item of the js-grip library', () => {
  it('is understood', () => {
    const send = new Item(new HttpStreamFormat('line\n'), '2', '1').export();
    const close = new Item(new HttpStreamFormat(null, true)).export();
    const reply = new Item(new HttpResponseFormat('201', 'Made', { A: 'b' }, Buffer.from([1]))).export();
    const [first, second, third] = parse(
      ...[send, close, reply].map((item) => ({ ...(item as object), channel: 'c' })),
    );
    assert.deepEqual([first?.id, first?.prevId, first?.httpStream?.content.toString()], ['2', '1', 'line\n']);
    assert.equal(second?.httpStream?.action, 'close');
    assert.equal(third?.httpResponse?.code, 201);
    assert.equal(third?.httpResponse?.reason, 'Made');
    assert.deepEqual(third?.httpResponse?.headers, ['A', 'b']);
    assert.deepEqual(third?.httpResponse?.body, Buffer.from([1]));
  });
});
