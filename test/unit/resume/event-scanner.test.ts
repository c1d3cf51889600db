import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EventLog } from '../../../src/resume/event-log.ts';
import { EventScanner } from '../../../src/resume/event-scanner.ts';
import { LogMemory } from '../../../src/resume/log-memory.ts';

const STREAM = `01234567${'x'.repeat(22)}`;

/** What becomes of a stream that comes in these chunks. Positions are those of the ids, written as `#`. */
function scanned(chunks: readonly string[]): string {
  const log = new EventLog(new LogMemory(), 1_048_576);
  const scanner = new EventScanner(log, STREAM);
  for (const chunk of chunks) scanner.write(Buffer.from(chunk, 'latin1'));
  scanner.end();
  const text = log.textAt(1, log.size);
  for (const [, position] of text.matchAll(/x\.(\d+)\n/g)) {
    assert.equal(text.indexOf(`id: ${STREAM}.${position}\n`), Number(position) - 1, 'an id names its own place');
  }
  return text.replaceAll(/id: 01234567x{22}\.\d+\n/g, '#');
}

/** Each stream, and what becomes of it. */
const CASES: readonly (readonly [string, string])[] = [
  ['data: a\n\ndata: b\n\n', 'data: a\n#\ndata: b\n#\n'],
  ['data: a\r\n\r\ndata: b\r\n\r\n', 'data: a\r\n#\r\ndata: b\r\n#\r\n'],
  ['data: a\r\rdata: b\r\r', 'data: a\r#\rdata: b\r#\r'],
  ['data: a\ndata: b\nevent: c\n\n', 'data: a\ndata: b\nevent: c\n#\n'],
  // Ids of the origin are replaced, wherever in the event they stand.
  ['id: 1\ndata: a\n\n', 'data: a\n#\n'],
  ['data: a\nid: 1\n\n', 'data: a\n#\n'],
  ['id:1\r\ndata: a\r\nid\r\n\r\n', 'data: a\r\n#\r\n'],
  ['id\rdata: a\rid: \r\r', 'data: a\r#\r'],
  ['id\n\n', '#\n'],
  ['id: 7\n\ndata: a\n\n', '#\ndata: a\n#\n'],
  // Names that begin like it are others.
  ['i\nidea: 1\nidx\nix\ndata: a\n\n', 'i\nidea: 1\nidx\nix\ndata: a\n#\n'],
  ['i\n\n', 'i\n#\n'],
  [' id: 1\n\n', ' id: 1\n#\n'],
  // A comment alone is no event.
  // After the first event it becomes a part of the next one.
  [': a\n\ndata: b\n\n: c\n\n', ': a\n\ndata: b\n#\n: c\n'],
  ['data: a\n\n\n: c\n\n\ndata: b\n\n', 'data: a\n#\n: c\ndata: b\n#\n'],
  ['data: a\r\n\r\n: c\r\n\r\n\r\ndata: b\r\n\r\n', 'data: a\r\n#\r\n: c\r\ndata: b\r\n#\r\n'],
  ['data: a\r\r: c\r\r\rdata: b\r\r', 'data: a\r#\r: c\rdata: b\r#\r'],
  [':\n\n\n\n', ':\n\n\n\n'],
  [': a\ndata: b\n\n', ': a\ndata: b\n#\n'],
  [':id: 1\n\n', ':id: 1\n\n'],
  // An event that is not complete gets none.
  ['data: a\n\ndata: b', 'data: a\n#\ndata: b'],
  ['data: a\n\ndata: b\n', 'data: a\n#\ndata: b\n'],
  ['data: a\n\ni', 'data: a\n#\ni'],
  ['data: a\n\nid', 'data: a\n#\nid'],
  ['data: a\n\nid: 5', 'data: a\n#\n'],
  [`data: ${'x'.repeat(100)}\n\n`, `data: ${'x'.repeat(100)}\n#\n`],
  [`data: ${'x'.repeat(100)}\r\r`, `data: ${'x'.repeat(100)}\r#\r`],
  ['retry: 10\n\n', 'retry: 10\n#\n'],
  ['data: \xff\x00\xfe\n\n', 'data: \xff\x00\xfe\n#\n'],
  ['id: 1\x00\ndata: a\n\n', 'data: a\n#\n'],
  // Behind a byte order mark it passes, and the one at the end of the event counts.
  ['\xef\xbb\xbfid: 1\ndata: a\n\n', '\xef\xbb\xbfid: 1\ndata: a\n#\n'],
  ['', ''],
  ['\n\r\n\r', '\n\r\n\r'],
];

test('each event gets an id of its own at its end, in place of that of the origin', () => {
  for (const [stream, expected] of CASES) assert.equal(scanned([stream]), expected, JSON.stringify(stream));
});

test('it makes no difference how the stream is split', () => {
  for (const [stream, expected] of CASES) {
    assert.equal(scanned([...stream]), expected, `${JSON.stringify(stream)} byte by byte`);
    for (let at = 0; at <= stream.length; at++) {
      const chunks = [stream.slice(0, at), stream.slice(at)];
      assert.equal(scanned(chunks), expected, `${JSON.stringify(stream)} split at ${at}`);
    }
  }
});

test('the id of the last complete event is known', () => {
  const log = new EventLog(new LogMemory(), 65_536);
  const scanner = new EventScanner(log, STREAM);
  assert.equal(scanner.lastEvent, 0);
  scanner.write(Buffer.from('data: a\n\n: comment\n\ndata: b'));
  assert.equal(scanner.lastEvent, 9);
});
