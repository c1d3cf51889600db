import assert from 'node:assert/strict';
import { test } from 'node:test';
import { suggest, suggestion } from '../../../src/config/suggest.ts';

const names = ['header_timeout', 'idle_timeout', 'id', 'ssl', 'path_beg', 'path_rem'];

test('one or two wrong, missing, added or swapped letters get a suggestion', () => {
  assert.equal(suggest('heder_timeot', names), 'header_timeout');
  assert.equal(suggest('headerr_timeoutt', names), 'header_timeout');
  assert.equal(suggest('haeder_timeuot', names), 'header_timeout');
  assert.equal(suggest('pathbeg', names), 'path_beg');
  assert.equal(suggest('IDLE_TIMEOUT', names), 'idle_timeout');
});

test('the nearest name is chosen, not the first', () => {
  assert.equal(suggest('path_rex', names), 'path_rem');
});

test('another word, or a short one that is half wrong, gets no suggestion', () => {
  for (const name of ['', 'colour', 'timeout', 'xy', 'tls', 'header_timeout_of'])
    assert.equal(suggest(name, names), null);
});

test('a huge name is not compared', () => {
  assert.equal(suggest('x'.repeat(50_000_000), names), null);
});

test('the end of a message names the suggestion, or is empty', () => {
  assert.equal(suggestion('sl', names), '; did you mean "ssl"?');
  assert.equal(suggestion('wibble', names), '');
});
