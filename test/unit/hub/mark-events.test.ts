import assert from 'node:assert/strict';
import { test } from 'node:test';
import { markAll, markEvents } from '../../../src/hub/mark-events.ts';
import { seededRandom } from '../../support/seeded-random.ts';

function marked(content: string, number = 7): string {
  return markEvents(Buffer.from(content), 'epoch', number).toString();
}

test('the last whole event gets the cursor, with the line ends that it has', () => {
  assert.equal(marked('data: a\n\n'), 'data: a\nid: epoch-7\n\n');
  assert.equal(marked('data: a\n\ndata: b\n\n'), 'data: a\n\ndata: b\nid: epoch-7\n\n');
  assert.equal(marked('data: a\r\n\r\ndata: b\r\n\r\n'), 'data: a\r\n\r\ndata: b\r\nid: epoch-7\n\r\n');
  assert.equal(marked('data: a\r\r'), 'data: a\rid: epoch-7\n\r');
  assert.equal(marked('data: a\n\ndata: b'), 'data: a\nid: epoch-7\n\ndata: b');
});

test('comments get none, and are no events', () => {
  assert.equal(marked(': c\n\n'), ': c\n\n');
  assert.equal(marked('data: a\n\n: c\n\n'), 'data: a\nid: epoch-7\n\n: c\n\n');
  assert.equal(marked(''), '');
  assert.equal(marked('\n\n'), '\n\n');
});

test('id lines of the publisher are left out, and nothing that only looks like one', () => {
  assert.equal(marked('id: 5\ndata: a\n\n'), 'data: a\nid: epoch-7\n\n');
  assert.equal(marked('data: a\nid:5\n\ndata: b\nid\n\n'), 'data: a\n\ndata: b\nid: epoch-7\n\n');
  assert.equal(marked('id\r\n\r\n'), 'id: epoch-7\n\r\n');
  assert.equal(marked('ids: 5\ni: d\n\n'), 'ids: 5\ni: d\nid: epoch-7\n\n');
  assert.equal(marked('data: a\n\nid: 3\n'), 'data: a\nid: epoch-7\n\n');
  assert.equal(marked('data: a\nid: 5\n\n', 0), 'data: a\n\n');
});

test('an item without a whole event has the cursor in what there is of one', () => {
  assert.equal(marked('data: ab'), 'id: epoch-7\ndata: ab');
  assert.equal(marked('id: 4\ndata: ab'), 'id: epoch-7\ndata: ab');
});

test('where nothing changes the content itself is the result', () => {
  const content = Buffer.from('data: a\n\n');
  assert.equal(markEvents(content, 'epoch', 0), content);
  const comment = Buffer.from(': c\n\n');
  assert.equal(markEvents(comment, 'epoch', 7), comment);
});

test('whatever the content is, all of it but its id lines stays, and an event has one id at most', (t) => {
  const random = seededRandom(t);
  let texts: { payload: { body: Buffer }; number: number }[] = [];
  let alone = '';
  const parts = ['\n', '\r', '\r\n', 'id: 1', 'id', 'data: x', ': c', 'idx', 'event: e', 'i', ' id: 2'];
  for (let round = 0; round < 20_000; round++) {
    let content = '';
    for (let i = random.below(12); i > 0; i--) content += random.pick(parts);
    const rest = content.replaceAll(/(?<![^\r\n])id(?::[^\r\n]*)?(?:\r\n|\r|\n|$)/g, '');
    assert.equal(marked(content, 0), rest, JSON.stringify(content));
    const text = marked(content);
    texts.push({ payload: { body: Buffer.from(content) }, number: round % 3 });
    alone += markEvents(Buffer.from(content), 'epoch', round % 3).toString();
    if (texts.length === 50) {
      assert.equal(markAll(texts, 'epoch').toString(), alone);
      [texts, alone] = [[], ''];
    }
    assert.ok((text.match(/id: epoch-7\n/g) ?? []).length <= 1, JSON.stringify(content));
    assert.equal(text.replace('id: epoch-7\n', ''), rest, JSON.stringify(content));
  }
});
