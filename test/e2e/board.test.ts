import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freePorts } from '../support/free-ports.ts';
import { Program } from '../support/program.ts';

const BOARD = fileURLToPath(new URL('../../examples/board/server.mjs', import.meta.url));

/** Runs the demo's origin by itself, with nobody at its control URL. Returns its URL without slash. */
async function startBoard(t: TestContext): Promise<string> {
  const [nobody] = await freePorts(1);
  const program = new Program(t, process.execPath, [BOARD, '0', `http://127.0.0.1:${nobody}`]);
  const [, url = ''] = await program.output(/ (http:\S+)\/\n/);
  return url;
}

function post(url: string, body: string, type = 'application/json'): Promise<Response> {
  return fetch(`${url}/messages`, { method: 'POST', headers: { 'Content-Type': type }, body });
}

test('the board tells Holdfast how to hold its clients', async (t) => {
  const url = await startBoard(t);
  const events = await fetch(`${url}/events`);
  assert.equal(events.status, 200);
  assert.equal(events.headers.get('content-type'), 'text/event-stream');
  assert.equal(events.headers.get('grip-hold'), 'stream');
  assert.equal(events.headers.get('grip-channel'), 'board');
  assert.equal(events.headers.get('grip-keep-alive'), ':\\n\\n; format=cstring; timeout=20');
  assert.equal(await events.text(), 'retry: 1000\n\n');
  const next = await fetch(`${url}/next`);
  assert.equal(next.status, 204);
  assert.equal(next.headers.get('grip-hold'), 'response');
});

test('the page loads nothing from elsewhere', async (t) => {
  const url = await startBoard(t);
  const response = await fetch(`${url}/?from=a-link`);
  assert.equal(response.headers.get('content-type'), 'text/html; charset=utf-8');
  const page = await response.text();
  assert.doesNotMatch(page.replaceAll("xmlns='http://www.w3.org/2000/svg'", ''), /https?:\/\//);
  assert.equal((await fetch(url, { method: 'HEAD' })).status, 200);
});

test('a message that cannot be published gets a 503 and is not kept', async (t) => {
  const url = await startBoard(t);
  const response = await post(url, '{"name": "Ada", "text": "hello"}');
  assert.equal(response.status, 503);
  assert.equal(await response.text(), 'The message could not be published.\n');
  assert.equal(await (await fetch(`${url}/events`)).text(), 'retry: 1000\n\n');
});

const long = 'x'.repeat(501);

for (const [what, body, status] of [
  ['that is not JSON', 'hello', 400],
  ['that is null', 'null', 400],
  ['without a name', '{"text": "hello"}', 400],
  ['with an empty text', '{"name": "Ada", "text": "  "}', 400],
  ['with a name that is no text', '{"name": 1, "text": "hello"}', 400],
  ['with a text that is too long', `{"name": "Ada", "text": "${long}"}`, 400],
  ['of too many bytes', 'x'.repeat(100_000), 413],
] as const) {
  test(`a message ${what} gets a ${status}`, async (t) => {
    assert.equal((await post(await startBoard(t), body)).status, status);
  });
}

test('a message of another content type, as from a form of another site, gets a 415', async (t) => {
  const url = await startBoard(t);
  assert.equal((await post(url, '{"name": "Ada", "text": "hello"}', 'text/plain')).status, 415);
});

test('an unknown path gets a 404', async (t) => {
  const url = await startBoard(t);
  assert.equal((await fetch(`${url}/favicon.ico`)).status, 404);
  assert.equal((await fetch(`${url}/constructor`)).status, 404);
  assert.equal((await fetch(`${url}/events`, { method: 'DELETE' })).status, 404);
});

for (const args of [['foo'], ['65536'], ['0', 'localhost:5561'], ['0', 'http://localhost:5561', 'x']]) {
  test(`server.mjs ${args.join(' ')} prints its usage`, async (t) => {
    assert.deepEqual(await new Program(t, process.execPath, [BOARD, ...args]).ended, {
      code: 2,
      stdout: '',
      stderr: 'usage: server.mjs [PORT] [CONTROL-URL]\n',
    });
  });
}

test('a port that is in use is one line', async (t) => {
  const { port } = new URL(await startBoard(t));
  const { code, stderr } = await new Program(t, process.execPath, [BOARD, port]).ended;
  assert.equal(code, 1);
  assert.match(stderr, /^the board cannot start: [^\n]*\n$/);
});

/** Sends events as Holdfast does. */
function sendEvents(url: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  const type = 'application/websocket-events';
  return fetch(`${url}/socket`, { method: 'POST', headers: { 'Content-Type': type, ...headers }, body });
}

test('the board accepts WebSockets over HTTP, and subscribes them', async (t) => {
  const url = await startBoard(t);
  const response = await sendEvents(url, 'OPEN\r\n');
  assert.deepEqual([response.status, response.headers.get('sec-websocket-extensions')], [200, 'grip']);
  const subscribe = 'c:{"type":"subscribe","channel":"board"}';
  assert.equal(await response.text(), `OPEN\r\nTEXT ${subscribe.length.toString(16)}\r\n${subscribe}\r\n`);
});

test('a message over a WebSocket that cannot be taken gets its reason', async (t) => {
  const url = await startBoard(t);
  const response = await sendEvents(url, 'TEXT 5\r\nhello\r\nCLOSE 2\r\n\x03\x68\r\n');
  const text = await response.text();
  assert.match(text, /^TEXT [0-9a-f]+\r\nm:\{"error":"Expected [^\r]*\}\r\nCLOSE 2\r\n/);
  assert.ok(text.endsWith('\r\n\x03\x68\r\n'));
});

for (const [what, body, headers, status] of [
  ['of another site', 'OPEN\r\n', { Origin: 'http://evil.example' }, 403],
  ['with a sandboxed page', 'OPEN\r\n', { Origin: 'null' }, 403],
  ['of another type', 'OPEN\r\n', { 'Content-Type': 'text/plain' }, 403],
  ['that break off', 'TEXT 5\r\nhell', {}, 400],
] as const) {
  test(`events ${what} get a ${status}`, async (t) => {
    assert.equal((await sendEvents(await startBoard(t), body, headers)).status, status);
  });
}
