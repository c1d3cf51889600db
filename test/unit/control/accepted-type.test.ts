import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { acceptedType } from '../../../src/control/accepted-type.ts';

describe('acceptedType', () => {
  it('is text without Accept', () => {
    assert.equal(acceptedType(['Content-Type', 'application/json']), 'text/plain');
  });

  it('knows the ranges of text and JSON, in any case', () => {
    for (const range of ['text/plain', 'text/*', '*/*', '*', 'Text/PLAIN', 'text/plain;charset=utf-8']) {
      assert.equal(acceptedType(['accept', range]), 'text/plain', range);
    }
    for (const range of ['application/json', 'application/*', 'APPLICATION/json ; q=1']) {
      assert.equal(acceptedType(['Accept', range]), 'application/json', range);
    }
  });

  it('lets the last known range win, whatever its weight', () => {
    assert.equal(acceptedType(['Accept', 'text/plain, application/json;q=0']), 'application/json');
    assert.equal(acceptedType(['Accept', 'application/json, */*;q=0.1']), 'text/plain');
    assert.equal(acceptedType(['Accept', 'application/json, image/png']), 'application/json');
    assert.equal(acceptedType(['Accept', 'text/plain', 'X', 'y', 'Accept', 'application/json']), 'application/json');
  });

  it('is null when none is known', () => {
    for (const value of ['text/html', 'image/*, text/html', '', 'application/jsonp', 'application']) {
      assert.equal(acceptedType(['Accept', value]), null, value);
    }
  });
});
