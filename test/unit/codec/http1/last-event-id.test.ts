import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lastEventId, withoutLastEventId } from '../../../../src/codec/http1/index.ts';

test('the id of the last event is in the header, or else in the query', () => {
  const cases: [string[], string, string | null][] = [
    [['Last-Event-ID', 'a'], '/?last_event_id=b', 'a'],
    [['last-event-id', Buffer.from('ü').toString('latin1')], '/', 'ü'],
    [['Last-Event-ID', ''], '/?last_event_id=b', null],
    [[], '/?last_event_id=', null],
    [[], '/?x=1&last_event_id=b%2Dc&y', 'b-c'],
    [[], '/?last_event_id=%', '%'],
    [[], '/?my_last_event_id=b', null],
    [[], '/last_event_id=b', null],
    [[], '/', null],
  ];
  for (const [headers, target, id] of cases) assert.equal(lastEventId(headers, target), id, target);
});

test('a target without the id of the last event has all its other parameters', () => {
  const cases = [
    ['/p?last_event_id=b', '/p'],
    ['/p?x=1&last_event_id=b&y&last_event_id=c', '/p?x=1&y'],
    ['/p?my_last_event_id=b', '/p?my_last_event_id=b'],
    ['/p?', '/p?'],
    ['/p', '/p'],
  ] as const;
  for (const [target, rest] of cases) assert.equal(withoutLastEventId(target), rest, target);
});
