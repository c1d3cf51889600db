import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  isPublishedBySystem,
  nameBehind,
  PublishError,
  parsePublishItem,
  presenceChannel,
  subjectOfPresence,
  webhookChannel,
  wholeName,
} from '../../../../src/codec/grip/index.ts';

test('the prefix of a route stands in front of the channel that a presence channel is about', () => {
  assert.equal(wholeName('app.', 'room'), 'app.room');
  assert.equal(wholeName('app.', '$presence.room'), '$presence.app.room');
  assert.equal(wholeName('', '$presence.room'), '$presence.room');
  for (const name of ['room', '$presence.room', '$other.room']) {
    assert.equal(nameBehind('app.', wholeName('app.', name)), name);
    assert.equal(nameBehind('', name), name);
  }
  assert.equal(nameBehind('app.', 'other'), 'other');
});

test('a presence channel is about one channel', () => {
  assert.equal(subjectOfPresence(presenceChannel('a.b')), 'a.b');
  assert.equal(subjectOfPresence('presence.a'), null);
});

test('nobody else publishes to channels of the server', () => {
  const format = { 'ws-message': { content: 'x' } };
  for (const channel of [presenceChannel('room'), webhookChannel('a')]) {
    assert.ok(isPublishedBySystem(channel));
    assert.throws(() => parsePublishItem({ channel, formats: format }), PublishError);
  }
  assert.equal(parsePublishItem({ channel: '$other', formats: format }).channel, '$other');
});
