import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { createConfig, lintFromString } from '@redocly/openapi-core';
import { packageVersion } from '../../../src/app/index.ts';
import { allOperations, controlReference } from '../../../src/control/control-reference.ts';
import { ControlEndpoint } from '../../support/control/control-endpoint.ts';

const made = controlReference(packageVersion());

test('the document is valid OpenAPI by the rules that the linter recommends', async () => {
  // A server on loopback is what there is, and what a probe or a stream answers has no failure but those of the path.
  const rules = { 'no-server-example.com': 'off', 'operation-4xx-response': 'error' } as const;
  const config = await createConfig({ extends: ['recommended-strict'], rules });
  const problems = await lintFromString({ source: made['openapi.json'], config, absoluteRef: 'openapi.json' });
  assert.deepEqual(
    problems.map(({ ruleId, message, location }) => `${ruleId} ${location[0]?.pointer}: ${message}`),
    [],
  );
});

test('the linter finds what is wrong', async () => {
  const config = await createConfig({ extends: ['recommended-strict'] });
  const source = made['openapi.json'].replace('"operationId": "getStatus"', '"operationId": "getHealth"');
  const problems = await lintFromString({ source, config, absoluteRef: 'openapi.json' });
  assert.ok(problems.some(({ ruleId }) => ruleId === 'operation-operationId-unique'));
});

test('the reference in docs is up to date', () => {
  for (const [name, text] of Object.entries(made)) {
    const page = readFileSync(new URL(`../../../docs/reference/${name}`, import.meta.url), 'utf8');
    assert.ok(page === text, `make docs/reference/${name} again, as CONTRIBUTING.md says`);
  }
});

test('each operation is described with its fields, its parts in braces and a sentence', () => {
  const { paths } = JSON.parse(made['openapi.json']);
  for (const { method, path, id } of allOperations()) {
    const about = paths[path][method.toLowerCase()];
    assert.equal(about.operationId, id);
    assert.match(about.summary, /\.$/);
    const named = (about.parameters ?? []).filter((each: { in: string }) => each.in === 'path');
    assert.deepEqual(
      named.map((each: { name: string }) => `{${each.name}}`),
      path.match(/\{\w+\}/g) ?? [],
    );
    assert.ok(made['api.md'].includes(`### \`${method} ${path}\``));
  }
});

test('a server describes the operations that it has, to anybody', async () => {
  const endpoint = new ControlEndpoint();
  const { status, json } = await endpoint.tcp('GET', '/openapi.json');
  assert.equal(status, 200);
  const paths = Object.keys(json.paths);
  for (const path of ['/publish', '/status', '/session', '/openapi.json']) assert.ok(paths.includes(path), path);
  for (const path of ['/channels', '/reload', '/routes/{id}']) assert.ok(!paths.includes(path), path);
});
