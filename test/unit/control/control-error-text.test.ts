import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { controlErrorText } from '../../../src/control/index.ts';
import { ERRORS, type ErrorCode, ExchangeError } from '../../../src/exchange/index.ts';

function responseTo(code: ErrorCode, detail?: string): [number, string] {
  const { status, text } = controlErrorText(new ExchangeError(code, detail));
  return [status, text];
}

describe('controlErrorText', () => {
  it('has the texts that publishers know', () => {
    assert.deepEqual(responseTo('HF_BAD_REQUEST', 'invalid method'), [400, 'Failed to parse request header.']);
    assert.deepEqual(responseTo('HF_BAD_REQUEST'), [400, 'Failed to parse request header.']);
    assert.deepEqual(responseTo('HF_BAD_REQUEST', 'invalid Content-Length'), [400, 'Bad Content-Length.']);
    assert.deepEqual(responseTo('HF_HEADERS_TOO_LARGE'), [400, 'Request header too large.']);
    assert.deepEqual(responseTo('HF_URI_TOO_LONG'), [400, 'Request header too large.']);
    assert.deepEqual(responseTo('HF_BODY_TOO_LARGE'), [413, 'Request body too large.']);
  });

  it("has the error's own text for all others", () => {
    const known = ['HF_BAD_REQUEST', 'HF_HEADERS_TOO_LARGE', 'HF_URI_TOO_LONG', 'HF_BODY_TOO_LARGE'];
    const others = (Object.keys(ERRORS) as ErrorCode[]).filter((code) => !known.includes(code));
    assert.ok(others.length > 0);
    for (const code of others) assert.deepEqual(responseTo(code), [ERRORS[code].status, ERRORS[code].text]);
  });
});
