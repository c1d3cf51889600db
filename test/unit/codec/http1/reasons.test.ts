import assert from 'node:assert/strict';
import { STATUS_CODES } from 'node:http';
import { test } from 'node:test';
import { isFieldText, reasonPhrase } from '../../../../src/codec/http1/index.ts';

/** Phrases that RFC 9110 changed since Node's table was written, and a joke that is reserved, but not registered. */
const OTHERWISE: Readonly<Record<number, string>> = {
  413: 'Content Too Large',
  418: '',
  422: 'Unprocessable Content',
  509: '',
};

test('a reason phrase is that of the registry', () => {
  for (let status = 100; status <= 999; status++) {
    assert.equal(reasonPhrase(status), OTHERWISE[status] ?? STATUS_CODES[status] ?? '', String(status));
  }
});

test('every reason phrase can be written', () => {
  for (let status = 100; status <= 999; status++) assert.ok(isFieldText(reasonPhrase(status)));
});
