import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ERRORS, type ErrorCode, ExchangeError } from '../../../src/exchange/index.ts';

const reference = readFileSync(new URL('../../../docs/reference/errors.md', import.meta.url), 'utf8');

/** The rows of the table: code, cause, status, text, what happened. */
const documented = new Map(
  [...reference.matchAll(/^\| `(HF_\w+)` \| (\w+) \| (\S+) \| (.+?) \| (.+) \|$/gm)].map(
    ([, code, cause, status, text, what]) => [code, { cause, status, text, what }],
  ),
);

test('the reference lists exactly the errors of the catalogue', () => {
  assert.deepEqual([...documented.keys()].sort(), Object.keys(ERRORS).sort());
});

for (const [code, face] of Object.entries(ERRORS)) {
  test(`the reference describes ${code} correctly`, () => {
    const row = documented.get(code);
    assert.equal(row?.cause, face.cause);
    assert.equal(row?.status, face.status === 0 ? '–' : String(face.status));
    // The answer to a request without a route names the host.
    const text = code === 'HF_NO_ROUTE' ? 'No route for host: HOST' : face.text;
    assert.equal(row?.text, text);
    const condition = /ZHTTP: `([a-z-]+)`\.$/.exec(row?.what ?? '')?.[1] ?? 'undefined-condition';
    assert.equal(condition, face.condition);
  });
}

test('an error has the status and text of its code, or its own text if given', () => {
  const code: ErrorCode = 'HF_NO_ROUTE';
  assert.equal(new ExchangeError(code).text, ERRORS.HF_NO_ROUTE.text);
  const error = new ExchangeError(code, 'why', 'No route for host: a');
  assert.equal(error.text, 'No route for host: a');
  assert.equal(error.face.status, 502);
  assert.equal(error.message, 'HF_NO_ROUTE: why');
});
