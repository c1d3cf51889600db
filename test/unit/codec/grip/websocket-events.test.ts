import assert from 'node:assert/strict';
import { test } from 'node:test';
import { closeOf, decodeEvents, encodeEvents, isEventsType } from '../../../../src/codec/grip/index.ts';

function decoded(body: string): string[] {
  return decodeEvents(Buffer.from(body, 'latin1')).map(({ type, content }) => `${type} ${content.toString('latin1')}`);
}

test('events are written with their type and the length of their content in hexadecimal', () => {
  const text = encodeEvents([
    { type: 'OPEN', content: Buffer.alloc(0) },
    { type: 'TEXT', content: Buffer.from('hello') },
    { type: 'TEXT', content: Buffer.alloc(0) },
    { type: 'BINARY', content: Buffer.alloc(47, 'x') },
    { type: 'CLOSE', content: Buffer.from([3, 232]) },
  ]).toString('latin1');
  assert.equal(text, `OPEN\r\nTEXT 5\r\nhello\r\nTEXT\r\nBINARY 2f\r\n${'x'.repeat(47)}\r\nCLOSE 2\r\n\x03\xe8\r\n`);
});

test('events are read, and unknown types left out', () => {
  assert.deepEqual(decoded(''), []);
  assert.deepEqual(decoded(`OPEN\r\nTEXT 2F\r\n${'x'.repeat(47)}\r\nTEXT 0\r\n\r\nFAX 3\r\na\r\n\r\nFAX\r\nPING\r\n`), [
    'OPEN ',
    `TEXT ${'x'.repeat(47)}`,
    'TEXT ',
    'PING ',
  ]);
  assert.equal(decodeEvents(Buffer.from('PING\r\n'.repeat(10_000))).length, 10_000);
});

test('what is no events is refused', () => {
  const cases: [string, RegExp][] = [
    ['TEXT', /event 1: the line with its type does not end/],
    ['OPEN\r\nTEXT', /event 2: the line/],
    ['\r\n', /first line is not/],
    ['TEXT x\r\n', /first line is not/],
    ['TEXT -1\r\n', /first line is not/],
    ['TEXT 1 1\r\n', /first line is not/],
    ['TEXT 123456789\r\n', /first line is not/],
    [`${'X'.repeat(300)}\r\n`, /first line is over/],
    ['TEXT 5\r\nabc', /shorter than its length/],
    ['TEXT 3\r\nabc', /does not end in CRLF/],
    ['TEXT 3\r\nabcd\r\n', /does not end in CRLF/],
    ['TEXT 1\r\n\xff\r\n', /not UTF-8/],
    ['OPEN 1\r\nx\r\n', /OPEN has no content/],
    [`PING 7e\r\n${'x'.repeat(126)}\r\n`, /PING is over 125 bytes/],
    ['CLOSE 1\r\n\x03\r\n', /CLOSE has half a code/],
    ['CLOSE 3\r\n\x03\xe8\xff\r\n', /CLOSE has half a code/],
    ['PING\r\n'.repeat(10_001), /more than 10000 events/],
  ];
  for (const [body, message] of cases) assert.throws(() => decoded(body), { name: 'GripError', message });
});

test('a close has a code and a reason, or neither', () => {
  const events = 'CLOSE\r\nCLOSE 5\r\n\x03\xe8bye\r\nCLOSE 2\r\n\x00\x00\r\n';
  const [bare, full, zero] = decodeEvents(Buffer.from(events, 'latin1'));
  assert.deepEqual(zero && closeOf(zero), { code: 1005, reason: '' });
  assert.deepEqual(bare && closeOf(bare), { code: 1005, reason: '' });
  assert.deepEqual(full && closeOf(full), { code: 1000, reason: 'bye' });
});

test('the media type of events may have parameters', () => {
  for (const type of ['application/websocket-events', 'Application/WebSocket-Events ; x=y'])
    assert.equal(isEventsType(type), true);
  for (const type of [undefined, '', 'application/websocket-event', 'text/plain'])
    assert.equal(isEventsType(type), false);
});
