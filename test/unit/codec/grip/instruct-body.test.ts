import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type GripFields, parseGripFields } from '../../../../src/codec/grip/grip-fields.ts';
import { GripError } from '../../../../src/codec/grip/index.ts';
import { type InstructBody, parseInstructBody } from '../../../../src/codec/grip/instruct-body.ts';

function parse(value: unknown, headers: string[] = []): InstructBody {
  return parseInstructBody(Buffer.from(JSON.stringify(value)), parseGripFields(headers));
}

function fieldsOf(hold: object, headers: string[] = []): GripFields {
  return parse({ hold: { channels: [], ...hold } }, headers).fields;
}

function refuses(value: unknown, detail: string): void {
  refusesText(JSON.stringify(value), detail);
}

function refusesText(text: string | Buffer, detail: string): void {
  assert.throws(
    () => parseInstructBody(Buffer.from(text), parseGripFields([])),
    (error) => error instanceof GripError && error.detail === detail,
    String(text),
  );
}

describe('an instruct body', () => {
  it('must be a JSON object in UTF-8', () => {
    refusesText('', 'the application/grip-instruct body is not valid JSON');
    refusesText('{', 'the application/grip-instruct body is not valid JSON');
    refusesText(Buffer.from('7b2261223a22ff227d', 'hex'), 'the application/grip-instruct body is not valid JSON');
    refuses([], 'instruct is not an object');
    refuses(null, 'instruct is not an object');
    refuses('x', 'instruct is not an object');
  });

  it('may be empty of all', () => {
    const { fields, ...response } = parse({});
    assert.deepEqual(response, { code: null, reason: null, headers: [], body: Buffer.alloc(0) });
    assert.deepEqual(fields, parseGripFields([]));
  });
});

describe('hold', () => {
  it('is for a response by default', () => {
    assert.equal(fieldsOf({}).mode, 'response');
    assert.equal(fieldsOf({ mode: 'stream' }).mode, 'stream');
  });

  it('replaces mode and timeout of the header fields', () => {
    const fields = fieldsOf({ timeout: 7 }, ['Grip-Hold', 'stream', 'Grip-Timeout', '90']);
    assert.equal(fields.mode, 'response');
    assert.equal(fields.timeout, 7);
  });

  it('adds its channels and metadata to those of the header fields', () => {
    const channels = [{ name: 'b', 'prev-id': '1', filters: ['x'] }, { name: 'c' }];
    const hold = { channels, meta: { u: '2', w: '3' } };
    const fields = fieldsOf(hold, ['Grip-Channel', 'a', 'Grip-Set-Meta', 'u=1, v=2']);
    assert.deepEqual(fields.channels, [
      { name: 'a', prevId: null, filters: [] },
      { name: 'b', prevId: '1', filters: ['x'] },
      { name: 'c', prevId: null, filters: [] },
    ]);
    assert.deepEqual({ ...fields.meta }, { u: '2', v: '2', w: '3' });
  });

  it('may name more than 5 filters for a channel', () => {
    const filters = ['1', '2', '3', '4', '5', '6'];
    assert.deepEqual(fieldsOf({ channels: [{ name: 'c', filters }] }).channels[0]?.filters, filters);
  });

  it('passes over a timeout of a wrong type', () => {
    for (const timeout of [null, 'soon', [], {}, true, 1.5]) {
      assert.equal(fieldsOf({ timeout }, ['Grip-Timeout', '30']).timeout, 30);
    }
    assert.equal(fieldsOf({ timeout: '12' }).timeout, 12);
  });

  it('is refused when it is not as it should be', () => {
    refuses({ hold: null }, "'hold' is not an object");
    refuses({ hold: [] }, "'hold' is not an object");
    refuses({ hold: {} }, "'hold' does not contain 'channels'");
    refuses({ hold: { channels: {} } }, "'hold' contains 'channels' with wrong type");
    refuses({ hold: { channels: ['c'] } }, 'channel is not an object');
    refuses({ hold: { channels: [{}] } }, "channel does not contain 'name'");
    refuses({ hold: { channels: [{ name: 1 }] } }, "channel contains 'name' with wrong type");
    refuses({ hold: { channels: [{ name: '' }] } }, "channel contains 'name' with invalid value");
    for (const bad of ['a\r\nX: y', 'a\nb', 'a\0', '\x7f']) {
      refuses({ hold: { channels: [{ name: bad }] } }, "channel contains 'name' with invalid value");
      refuses({ hold: { channels: [{ name: 'c', 'prev-id': bad }] } }, "channel contains 'prev-id' with invalid value");
    }
    refuses({ hold: { channels: [{ name: 'c', 'prev-id': 1 }] } }, "channel contains 'prev-id' with wrong type");
    refuses({ hold: { channels: [{ name: 'c', filters: 'f' }] } }, "channel contains 'filters' with wrong type");
    refuses({ hold: { channels: [{ name: 'c', filters: [1] }] } }, "channel contains 'filters' with wrong type");
    refuses({ hold: { mode: 1, channels: [] } }, "'hold' contains 'mode' with wrong type");
    const mode = "'hold' contains a 'mode' that is neither 'response' nor 'stream'";
    refuses({ hold: { mode: 'Stream', channels: [] } }, mode);
    refuses({ hold: { channels: [], timeout: -1 } }, "'hold' contains 'timeout' with invalid value");
    refuses({ hold: { channels: [], timeout: 2 ** 31 } }, "'hold' contains 'timeout' with invalid value");
    refuses({ hold: { channels: [], meta: [] } }, "'hold' contains 'meta' with wrong type");
    refuses({ hold: { channels: [], meta: { a: 1 } } }, "'hold' contains 'meta' with wrong type");
  });
});

describe('keep-alive', () => {
  it('is at intervals of 55 seconds by default', () => {
    const keepAlive = fieldsOf({ 'keep-alive': { content: 'é' } }).keepAlive;
    assert.deepEqual(keepAlive, { content: Buffer.from('é'), timeout: 55, mode: 'interval' });
  });

  it('takes content-bin rather than content, and a timeout', () => {
    const keepAlive = fieldsOf({ 'keep-alive': { content: 'x', 'content-bin': 'aGk=', timeout: 3 } }).keepAlive;
    assert.deepEqual(keepAlive, { content: Buffer.from('hi'), timeout: 3, mode: 'interval' });
  });

  it('keeps mode and, if it has none, content of the header field', () => {
    const headers = ['Grip-Keep-Alive', 'x; mode=idle; timeout=9'];
    assert.deepEqual(fieldsOf({ 'keep-alive': {} }, headers).keepAlive, {
      content: Buffer.from('x'),
      timeout: 55,
      mode: 'idle',
    });
    assert.equal(fieldsOf({}, headers).keepAlive?.timeout, 9);
  });

  it('is refused when it is not as it should be', () => {
    const cases: [unknown, string][] = [
      [null, "'keep-alive' is not an object"],
      [{ content: 1 }, "'keep-alive' contains 'content' with wrong type"],
      [{ 'content-bin': {} }, "'keep-alive' contains 'content-bin' with wrong type"],
      [{ timeout: 'x' }, "'keep-alive' contains 'timeout' with wrong type"],
      [{ timeout: -1 }, "'keep-alive' contains 'timeout' with invalid value"],
    ];
    for (const [value, detail] of cases) refuses({ hold: { channels: [], 'keep-alive': value } }, detail);
  });
});

describe('response', () => {
  it('has code, reason, headers and body', () => {
    const { fields, ...response } = parse({
      response: { code: '201', reason: 'Très bien', headers: { A: 'b', X: '€' }, body: '€' },
    });
    assert.equal(fields.mode, null);
    assert.deepEqual(response, {
      code: 201,
      reason: 'Tr\u00c3\u00a8s bien',
      headers: ['A', 'b', 'X', '\u00e2\u0082\u00ac'],
      body: Buffer.from('€'),
    });
  });

  it('takes headers as pairs, repeated names too, and body-bin rather than body', () => {
    const headers = [
      ['A', '1'],
      ['A', '2'],
    ];
    const response = parse({ response: { headers, 'body-bin': '//79', body: 'x' } });
    assert.deepEqual(response.headers, ['A', '1', 'A', '2']);
    assert.deepEqual(response.body, Buffer.from([0xff, 0xfe, 0xfd]));
  });

  it('is refused when it is not as it should be', () => {
    const cases: [unknown, string][] = [
      [null, "'response' is not an object"],
      [[], "'response' is not an object"],
      [{ code: 1000 }, "'response' contains 'code' with invalid value"],
      [{ code: -1 }, "'response' contains 'code' with invalid value"],
      [{ code: 'x' }, "'response' contains 'code' with wrong type"],
      [{ code: true }, "'response' contains 'code' with wrong type"],
      [{ reason: 1 }, "'response' contains 'reason' with wrong type"],
      [{ reason: 'a\r\nb' }, "'response' contains 'reason' with invalid value"],
      [{ headers: 'A: b' }, "'response' contains 'headers' with wrong type"],
      [{ headers: { A: 1 } }, "'response' contains 'headers' with wrong type"],
      [{ headers: ['A', 'b'] }, "'response' contains 'headers' with wrong type"],
      [{ headers: [['A', 'b', 'c']] }, "'response' contains 'headers' with wrong type"],
      [{ headers: [[1, 'b']] }, "'response' contains 'headers' with wrong type"],
      [{ headers: { A: 'b\nc' } }, "'response' contains 'headers' with invalid value"],
      [{ headers: { 'A b': 'c' } }, "'response' contains 'headers' with invalid value"],
      [{ headers: [['', 'c']] }, "'response' contains 'headers' with invalid value"],
      [{ body: 1 }, "'response' contains 'body' with wrong type"],
      [{ 'body-bin': null }, "'response' contains 'body-bin' with wrong type"],
    ];
    for (const [response, detail] of cases) refuses({ response }, detail);
  });
});
