import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { GripInstruct } from '@fanoutio/grip';
import { GripError, type Instruct, isInstruct, NO_LINKS, parseInstruct } from '../../../../src/codec/grip/index.ts';

const BODY = Buffer.from('body');
const JSON_TYPE = ['Content-Type', 'application/grip-instruct; charset=utf-8'];

function fromHeaders(...headers: string[]): Instruct {
  return parseInstruct(200, 'OK', headers, BODY);
}

function fromJson(value: unknown, headers: string[] = []): Instruct {
  return parseInstruct(200, 'OK', [...JSON_TYPE, ...headers], Buffer.from(JSON.stringify(value)));
}

describe('an instruct in headers', () => {
  it('holds with the defaults', () => {
    assert.deepEqual(fromHeaders('Grip-Hold', 'response', 'Grip-Channel', 'c').hold, {
      mode: 'response',
      channels: [{ name: 'c', prevId: null, filters: [] }],
      timeout: 55,
      keepAlive: null,
      meta: Object.create(null),
    });
  });

  it('raises short timeouts to 5 seconds', () => {
    for (const [given, used] of [
      ['0', 5],
      ['4', 5],
      ['5', 5],
      ['6', 6],
    ] as const) {
      assert.equal(fromHeaders('Grip-Hold', 'response', 'Grip-Timeout', given).hold?.timeout, used);
    }
  });

  it('raises a keep-alive timeout of 0 to 1 second, and has no keep-alive without content', () => {
    const hold = fromHeaders('Grip-Hold', 'stream', 'Grip-Keep-Alive', 'x; timeout=0').hold;
    assert.deepEqual(hold?.keepAlive, { content: Buffer.from('x'), timeout: 1, mode: 'idle' });
    assert.equal(fromHeaders('Grip-Hold', 'stream', 'Grip-Keep-Alive', '\\t; format=cstring').hold?.keepAlive, null);
  });

  it('holds nothing without Grip-Hold, whatever else is there', () => {
    assert.equal(fromHeaders('Grip-Channel', 'c', 'Grip-Timeout', '9', 'Grip-Set-Meta', 'a=b').hold, null);
  });

  it('passes status, reason and body of the response on', () => {
    const { response } = parseInstruct(404, 'Nope', ['Grip-Hold', 'stream'], BODY);
    assert.deepEqual(response, { status: 404, reason: 'Nope', headers: [], body: BODY });
    assert.equal(parseInstruct(404, '', ['Grip-Hold', 'stream'], BODY).response.reason, 'Not Found');
  });

  it('lets Grip-Status replace status and reason', () => {
    const named = fromHeaders('Grip-Status', '404 Gone Fishing').response;
    assert.deepEqual([named.status, named.reason], [404, 'Gone Fishing']);
    const unnamed = fromHeaders('Grip-Status', '404').response;
    assert.deepEqual([unnamed.status, unnamed.reason], [404, 'Not Found']);
    assert.equal(fromHeaders('Grip-Status', '799').response.reason, '');
  });

  it('hides what speaks to Holdfast and what frames or encodes the body', () => {
    const hidden = ['Grip-Link', '</>; rel=next', 'GRIP-ANY', 'x', 'connection', 'close', 'Keep-Alive', 'timeout=5'];
    const framing = ['Content-Encoding', 'gzip', 'transfer-encoding', 'chunked', 'Content-Length', '4'];
    const { headers } = fromHeaders('A', '1', ...hidden, 'Content-Type', 'text/plain', ...framing, 'a', '2').response;
    assert.deepEqual(headers, ['A', '1', 'Content-Type', 'text/plain', 'a', '2']);
  });

  it('shows only what Grip-Expose-Headers names, or all if it names nothing', () => {
    const headers = ['X-A', '1', 'Content-Type', 'text/plain', 'x-b', '2', 'Connection', 'close'];
    const exposed = fromHeaders(...headers, 'Grip-Expose-Headers', 'x-a, Connection', 'Grip-Expose-Headers', 'X-B');
    assert.deepEqual(exposed.response.headers, ['X-A', '1', 'x-b', '2']);
    assert.deepEqual(fromHeaders(...headers, 'Grip-Expose-Headers', '').response.headers, headers.slice(0, 6));
  });

  it('takes an empty body for one that follows by itself', () => {
    const { hold, response } = parseInstruct(200, 'OK', ['Grip-Hold', 'stream'], Buffer.alloc(0));
    assert.equal(hold?.mode, 'stream');
    assert.equal(response.body.length, 0);
  });

  it('is refused with an error that says what is wrong', () => {
    assert.throws(
      () => fromHeaders('Grip-Hold', 'forever'),
      (error) => error instanceof GripError && error.detail === "Grip-Hold is neither 'response' nor 'stream'",
    );
  });
});

describe('an instruct in the body', () => {
  it('has the hold and response of the JSON', () => {
    const { hold, response } = fromJson({
      hold: {
        mode: 'stream',
        channels: [{ name: 'c' }],
        'keep-alive': { content: '\n', timeout: 0 },
        meta: { a: 'b' },
      },
      response: { code: 201, headers: { 'Content-Type': 'text/event-stream' }, body: 'hello' },
    });
    assert.deepEqual(hold?.channels, [{ name: 'c', prevId: null, filters: [] }]);
    assert.deepEqual(hold?.keepAlive, { content: Buffer.from('\n'), timeout: 1, mode: 'interval' });
    assert.deepEqual({ ...hold?.meta }, { a: 'b' });
    assert.deepEqual(response, {
      status: 201,
      reason: 'Created',
      headers: ['Content-Type', 'text/event-stream'],
      body: Buffer.from('hello'),
    });
  });

  it('has an empty 200 by default', () => {
    const empty = { status: 200, reason: 'OK', headers: [], body: Buffer.alloc(0) };
    assert.deepEqual(fromJson({}, ['X-A', '1']), { hold: null, response: empty, links: NO_LINKS });
    assert.deepEqual(fromJson({ response: {} }), { hold: null, response: empty, links: NO_LINKS });
    assert.deepEqual(fromJson({ hold: { channels: [] } }).response, empty);
  });

  it('shows its own headers whatever Grip-Expose-Headers says, but never those that are hidden', () => {
    const headers = { A: '1', 'Grip-Hold': 'x', Connection: 'close', 'Content-Length': '9', 'content-encoding': 'br' };
    assert.deepEqual(fromJson({ response: { headers } }, ['Grip-Expose-Headers', 'B']).response.headers, ['A', '1']);
  });

  it('raises short timeouts to 5 seconds', () => {
    assert.equal(fromJson({ hold: { channels: [], timeout: 1 } }).hold?.timeout, 5);
  });

  it('takes the status of Grip-Status unless it has a code', () => {
    const status = ['Grip-Status', '404 Gone Fishing'];
    const line = (value: unknown): unknown[] => {
      const { response } = fromJson(value, status);
      return [response.status, response.reason];
    };
    assert.deepEqual(line({}), [404, 'Gone Fishing']);
    assert.deepEqual(line({ response: { reason: 'Mine' } }), [404, 'Mine']);
    assert.deepEqual(line({ response: { code: 202 } }), [202, 'Accepted']);
    assert.deepEqual(line({ response: { code: 202, reason: 'Mine' } }), [202, 'Mine']);
    assert.deepEqual(line({ response: { code: 202, reason: '' } }), [202, 'Accepted']);
  });

  it('is refused with any other status than 200', () => {
    assert.throws(() => parseInstruct(201, 'Created', JSON_TYPE, Buffer.from('{}')), GripError);
  });
});

describe('an instruct of the js-grip library', () => {
  it('is understood', () => {
    const instruct = new GripInstruct(['one', 'two']);
    instruct.setHoldStream();
    instruct.setKeepAlive('event: keep-alive\ndata:\n\n', 20);
    instruct.setStatus(203);
    instruct.meta = { user: 'a "quoted", one' };
    const headers = Object.entries(instruct.toHeaders()).flat();
    assert.equal(isInstruct(headers), true);
    const { hold, response } = fromHeaders(...headers);
    assert.deepEqual(
      hold?.channels.map(({ name }) => name),
      ['one', 'two'],
    );
    assert.deepEqual(hold?.keepAlive, {
      content: Buffer.from('event: keep-alive\ndata:\n\n'),
      timeout: 20,
      mode: 'idle',
    });
    assert.deepEqual({ ...hold?.meta }, { user: 'a "quoted", one' });
    assert.equal(response.status, 203);
  });
});
