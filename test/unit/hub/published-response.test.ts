import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { HttpResponseFormat, InstructResponse } from '../../../src/codec/grip/index.ts';
import type { PatchBody } from '../../../src/hub/index.ts';
import { MAX_PATCHED_BYTES, PublishedResponse } from '../../../src/hub/published-response.ts';
import { responseFormat } from './support.ts';

const refuse: PatchBody = () => null;

function noted(): void {}

function held(headers: string[], body = ''): InstructResponse {
  return { status: 200, reason: 'OK', headers, body: Buffer.from(body) };
}

function headersOf(format: Partial<HttpResponseFormat>, headers: string[]): readonly string[] {
  return new PublishedResponse('c', responseFormat(format)).head(held(headers), 0).headers;
}

test('a published response has its own status, reason and body', () => {
  const published = new PublishedResponse(
    'c',
    responseFormat({ code: 404, reason: 'Nowhere', body: Buffer.from('not here') }),
  );
  assert.deepEqual(published.head(held([], 'held'), 8), { status: 404, reason: 'Nowhere', headers: [], bodyLength: 8 });
  assert.equal(String(published.body(held([], 'held'), refuse, noted)), 'not here');
});

test('published fields replace held ones of the same name in any case, the others stay', () => {
  assert.deepEqual(
    headersOf({ headers: ['content-TYPE', 'text/html', 'X-New', '1', 'X-New', '2'] }, [
      'Content-Type',
      'text/plain',
      'X-Old',
      'a',
      'CONTENT-type',
      'text/css',
      'x-old',
      'b',
    ]),
    ['X-Old', 'a', 'x-old', 'b', 'content-TYPE', 'text/html', 'X-New', '1', 'X-New', '2'],
  );
});

test('one item is the response to many requests, with the fields of each', () => {
  const published = new PublishedResponse('c', responseFormat({ headers: ['X', 'published'] }));
  assert.deepEqual(published.head(held(['A', '1']), 0).headers, ['A', '1', 'X', 'published']);
  assert.deepEqual(published.head(held(['B', '2', 'X', 'held']), 0).headers, ['B', '2', 'X', 'published']);
});

test('only exposed headers pass, held or published', () => {
  const headers = ['Content-Type', 'text/plain', 'Secret', 's'];
  const published = ['ETag', '"1"', 'Trace', 't'];
  assert.deepEqual(headersOf({ headers: published, exposeHeaders: ['content-type', 'ETAG', 'Absent'] }, headers), [
    'Content-Type',
    'text/plain',
    'ETag',
    '"1"',
  ]);
});

test('a patch changes the held body and keeps the line end after the document', () => {
  const patch = [{ op: 'replace', path: '/a', value: 2 }];
  const calls: unknown[][] = [];
  const patchBody: PatchBody = (document, operations) => {
    calls.push([document, operations]);
    return '{"a":2}';
  };
  const published = new PublishedResponse('c', responseFormat({ bodyPatch: patch }));
  for (const lineEnd of ['', '\n', '\r\n']) {
    const body = published.body(held([], `{"a":1}${lineEnd}`), patchBody, noted);
    assert.equal(String(body), `{"a":2}${lineEnd}`);
    assert.deepEqual(calls.pop(), [`{"a":1}${lineEnd}`, patch]);
  }
});

test('a patch is applied once for each distinct held body', () => {
  const worked: string[] = [];
  const patchBody: PatchBody = (document) => {
    worked.push(document);
    return document === '[]' ? null : `patched ${document}`;
  };
  let notes = 0;
  const published = new PublishedResponse('c', responseFormat({ bodyPatch: [{}] }));
  const bodies = ['{"a":1}', '[]', '{"a":1}', '{"a":2}', '[]', '{"a":1}'].map((body) =>
    published.body(held([], body), patchBody, () => notes++),
  );
  assert.deepEqual(worked, ['{"a":1}', '[]', '{"a":2}']);
  assert.equal(notes, 3);
  assert.equal(bodies[2], bodies[0]);
  assert.deepEqual(bodies.map(String), [
    'patched {"a":1}',
    'null',
    'patched {"a":1}',
    'patched {"a":2}',
    'null',
    'patched {"a":1}',
  ]);
});

test('patched bodies beyond the bound are dropped, and the patch is applied again', () => {
  const body = 'x'.repeat(MAX_PATCHED_BYTES / 4 + 1);
  let notes = 0;
  const published = new PublishedResponse('c', responseFormat({ bodyPatch: [{}] }));
  const patch = (first: string): void => {
    published.body(
      held([], first + body),
      (document) => document,
      () => notes++,
    );
  };
  patch('1');
  patch('1');
  assert.equal(notes, 1);
  patch('2');
  patch('2');
  assert.equal(notes, 2);
  patch('1');
  assert.equal(notes, 3);
});

test('a patch that fails leaves no body', () => {
  const published = new PublishedResponse('c', responseFormat({ bodyPatch: [], body: Buffer.from('unused') }));
  assert.equal(published.body(held([], 'no JSON\n'), refuse, noted), null);
});
