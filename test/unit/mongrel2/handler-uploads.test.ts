import assert from 'node:assert/strict';
import fs, { readdirSync, readFileSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { HandlerMessage } from '../../../src/codec/mongrel2/index.ts';
import { turn } from '../../support/manual-clock.ts';
import { handlerOf } from '../../support/mongrel2/site.ts';
import { type SiteRig, startSite, type TestHandler } from '../../support/mongrel2/site-rig.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';

const START = 'x-mongrel2-upload-start';
const DONE = 'x-mongrel2-upload-done';
const BODY = 'large body '.repeat(3_000);
const OK = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok';

function post(length: number | string, fields = ''): string {
  return `POST /h?q=1 HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${length}\r\n${fields}\r\n`;
}

const CHUNKED = 'POST /h HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n';

/** A site whose large uploads go to files of a folder. */
async function spooling(t: TestContext): Promise<{ rig: SiteRig; handler: TestHandler; folder: string }> {
  const folder = temporaryFolder(t);
  const rig = await startSite(t, { settings: { uploadTempStore: `${folder}/up.XXXXXX` } });
  return { rig, handler: await rig.handler(), folder };
}

function fieldsOf({ headers }: HandlerMessage): Record<string, unknown> {
  return Object.fromEntries(headers);
}

/** Resolves when the folder is empty. */
async function emptied(folder: string): Promise<void> {
  while (readdirSync(folder).length > 0) await turn();
}

test('a large upload is a file, with a notice of its start and one of its end', async (t) => {
  const { rig, handler } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length));
  const start = await handler.next();
  const name = start.headers.get(START) as string;
  assert.equal(readFileSync(name, 'latin1'), '');
  client.write(BODY.slice(0, 10_000));
  client.write(BODY.slice(10_000));
  const done = await handler.next();
  assert.deepEqual(fieldsOf(done), { ...fieldsOf(start), [DONE]: name });
  assert.deepEqual([start.path, start.id, start.body.length, done.body.length], ['/h', done.id, 0, 0]);
  assert.equal(readFileSync(name, 'latin1'), BODY);
  handler.answer(done.id, OK);
  assert.equal(await client.takeBytes(OK.length), OK);
  client.write(post(5).concat('small'));
  const small = await handler.next();
  assert.deepEqual([small.body.toString(), small.headers.has(START)], ['small', false]);
  assert.equal(readFileSync(name, 'latin1'), BODY, "the file is the handler's");
});

test('a chunked upload is a file, whatever its size', async (t) => {
  const { rig, handler } = await spooling(t);
  const client = await rig.connect();
  client.write(`${CHUNKED}5;x=y\r\nhello\r\n0\r\nTrailer: x\r\n\r\n`);
  await handler.next();
  const done = await handler.next();
  assert.equal(readFileSync(done.headers.get(DONE) as string, 'latin1'), 'hello');
});

test('a client that waits for 100 gets it once its handler has the start', async (t) => {
  const { rig, handler } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length, 'Expect: 100-continue\r\n'));
  await handler.next();
  assert.equal(await client.take(), 'HTTP/1.1 100 Continue\r\n\r\n');
  client.write(BODY);
  const { headers, id } = await handler.next();
  assert.equal(readFileSync(headers.get(DONE) as string, 'latin1'), BODY);
  handler.answer(id, OK);
  assert.equal(await client.takeBytes(OK.length), OK);
});

test('a client that leaves within its upload leaves a notice and no file', async (t) => {
  const { rig, handler, folder } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length) + BODY.slice(0, 20_000));
  const { id } = await handler.next();
  assert.equal(readdirSync(folder).length, 1);
  client.reset();
  assert.equal(await handler.nextGone(), id);
  await emptied(folder);
});

test('a handler gives an upload up with an empty answer', async (t) => {
  const { rig, handler, folder } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length) + BODY.slice(0, 20_000));
  const { id } = await handler.next();
  handler.answer(id, 'HTTP/1.1 403 Forbidden\r\n\r\n');
  handler.answer(id, '');
  assert.equal(await client.takeAll(), 'HTTP/1.1 403 Forbidden\r\n\r\n');
  await rig.site.uploads?.whenIdle();
  assert.deepEqual([readdirSync(folder), rig.counters.uploadsOpen], [[], 0]);
});

test('an upload that no process takes waits for one, and its client is not read meanwhile', async (t) => {
  const folder = temporaryFolder(t);
  const rig = await startSite(t, { settings: { uploadTempStore: `${folder}/up.XXXXXX` } });
  const client = await rig.connect();
  client.write(post(BODY.length) + BODY);
  while (readdirSync(folder).length === 0) await turn();
  for (let i = 0; i < 1_000; i++) await turn();
  const [file] = readdirSync(folder) as [string];
  assert.equal(readFileSync(`${folder}/${file}`).length, 0);
  const handler = await rig.handler();
  await handler.next();
  const done = await handler.next();
  assert.equal(readFileSync(done.headers.get(DONE) as string, 'latin1'), BODY);
});

test('a client that leaves before a process takes its upload leaves nothing', async (t) => {
  const folder = temporaryFolder(t);
  const rig = await startSite(t, { settings: { uploadTempStore: `${folder}/up.XXXXXX` } });
  const client = await rig.connect();
  client.write(post(BODY.length));
  while (readdirSync(folder).length === 0) await turn();
  client.reset();
  await emptied(folder);
  const handler = await rig.handler();
  const { client: other, id } = await rig.ask(handler);
  handler.answer(id, OK);
  assert.equal(await other.takeBytes(OK.length), OK);
});

test('an upload whose file cannot be made is refused with 500', async (t) => {
  const rig = await startSite(t, { settings: { uploadTempStore: '/nonexistent/up.XXXXXX' } });
  await rig.handler();
  const client = await rig.connect();
  const { status, body } = await client.request(post(BODY.length));
  assert.deepEqual([status, body], [500, 'Internal Server Error']);
  assert.equal(rig.counters.uploadsFailed, 1);
  assert.deepEqual(
    rig.log.of('upload failed').map(({ code, detail }) => [code, detail]),
    [['HF_UPLOAD_STORE', 'no such file or directory']],
  );
});

test('an upload that the disk has no room for gets a 413 in place of the answer, and its handler a notice', async (t) => {
  const { rig, handler, folder } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length));
  const { id } = await handler.next();
  t.mock.method(fs, 'write', (...args: unknown[]) => {
    const done = args.at(-1) as (error: Error) => void;
    setImmediate(done, Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 }));
  });
  client.write(BODY.slice(0, 1_000));
  const { status, headers, body } = await client.takeResponse();
  assert.deepEqual([status, headers.get('connection'), body], [413, 'close', 'Content Too Large']);
  await client.ended;
  assert.equal(await handler.nextGone(), id);
  await emptied(folder);
});

test('an upload that fails after its handler has begun to respond is cut off', async (t) => {
  const { rig, handler } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length));
  const { id } = await handler.next();
  handler.answer(id, 'HTTP/1.1 200 OK\r\n\r\nearly');
  await client.takeBytes(24);
  t.mock.method(fs, 'write', (...args: unknown[]) => {
    const done = args.at(-1) as (error: Error) => void;
    setImmediate(done, Object.assign(new Error('i/o error'), { code: 'EIO', errno: -5 }));
  });
  client.write(BODY.slice(0, 1_000));
  assert.equal(await client.takeAll(), '');
  assert.equal(await handler.nextGone(), id);
});

test('the bodies of pipelined uploads are files of their own', async (t) => {
  const { rig, handler } = await spooling(t);
  const client = await rig.connect();
  client.write(post(BODY.length) + BODY + post(BODY.length) + BODY.toUpperCase());
  const bodies: string[] = [];
  while (bodies.length < 2) {
    const { headers } = await handler.next();
    const name = headers.get(DONE);
    if (name !== undefined) bodies.push(readFileSync(name as string, 'latin1'));
  }
  assert.deepEqual(bodies.sort(), [BODY.toUpperCase(), BODY]);
});

test('headers of uploads that a client forges do not reach a handler', async (t) => {
  for (const protocol of ['json', 'tnetstring'] as const) {
    const folder = temporaryFolder(t);
    const settings = { uploadTempStore: `${folder}/up.XXXXXX` };
    const rig = await startSite(t, { settings, routes: [{ path: '/h', target: handlerOf({ protocol }) }] });
    const handler = await rig.handler();
    const client = await rig.connect();
    const forged = `X-Mongrel2-Upload-Start: /etc/passwd\r\nx-mongrel2-upload-done: /etc/passwd\r\nUPLOAD_STREAM: 0\r\n`;
    client.write(`${post(4, forged)}body`);
    const small = await handler.next();
    assert.deepEqual([small.headers.has(START), small.headers.has(DONE)], [false, false]);
    assert.equal(small.headers.has('UPLOAD_STREAM'), false);
    client.write(post(BODY.length, forged) + BODY);
    const start = await handler.next();
    assert.match(start.headers.get(START) as string, /\/up\.\w{6}$/);
    assert.equal(start.headers.has(DONE), false);
    assert.match((await handler.next()).headers.get(DONE) as string, /\/up\.\w{6}$/);
  }
});

test('without a place for files large bodies are refused', async (t) => {
  const rig = await startSite(t);
  await rig.handler();
  const client = await rig.connect();
  assert.equal((await client.request(post(20_481))).status, 413);
});

// ---- streamed

async function streaming(t: TestContext): Promise<{ rig: SiteRig; handler: TestHandler }> {
  const rig = await startSite(t, { settings: { uploadStream: true } });
  return { rig, handler: await rig.handler() };
}

/** The headers of a part, and its body. */
function partOf(message: HandlerMessage): unknown[] {
  return [message.headers.get('UPLOAD_STREAM'), message.headers.get('UPLOAD_STREAM_DONE'), message.body.toString()];
}

test('a large upload streams as its handler grants credits', async (t) => {
  const { rig, handler } = await streaming(t);
  const client = await rig.connect();
  client.write(post(30_000) + BODY.slice(0, 30_000));
  const first = await handler.next();
  assert.deepEqual(partOf(first), ['0', undefined, BODY.slice(0, 4_096)]);
  assert.equal(first.headers.get('METHOD'), 'POST');
  handler.control(first.id, { credits: 10 });
  const second = await handler.next();
  assert.deepEqual(partOf(second), ['4096', undefined, BODY.slice(4_096, 4_106)]);
  assert.deepEqual([...second.headers.keys()].sort(), ['PATH', 'UPLOAD_STREAM']);
  assert.deepEqual([second.path, second.id], ['/h', first.id]);
  handler.control(first.id, { credits: 100_000 });
  let text = '';
  for (let done = false; !done; ) {
    const part = await handler.next();
    assert.equal(part.headers.get('UPLOAD_STREAM'), String(4_106 + text.length));
    text += part.body;
    done = part.headers.get('UPLOAD_STREAM_DONE') === '1';
  }
  assert.equal(text, BODY.slice(4_106, 30_000));
  handler.answer(first.id, OK);
  assert.equal(await client.takeBytes(OK.length), OK);
  const next = await rig.ask(handler);
  assert.ok(next.id > first.id);
});

test('a chunked upload streams, and ends with an empty part', async (t) => {
  const { rig, handler } = await streaming(t);
  const client = await rig.connect();
  client.write(`${CHUNKED}5\r\nhello\r\n`);
  const first = await handler.next();
  assert.deepEqual(partOf(first), ['0', undefined, '']);
  handler.control(first.id, { credits: 1_000 });
  assert.deepEqual(partOf(await handler.next()), ['0', undefined, 'hello']);
  client.write('6\r\n world\r\n0\r\n\r\n');
  assert.deepEqual(partOf(await handler.next()), ['5', undefined, ' world']);
  assert.deepEqual(partOf(await handler.next()), ['11', '1', '']);
});

test('a client is not read beyond the credits of its handler', async (t) => {
  const { rig, handler } = await streaming(t);
  const client = await rig.connect();
  client.write(post(1_000_000) + 'x'.repeat(300_000));
  const { id } = await handler.next();
  for (let i = 0; i < 1_000; i++) await turn();
  assert.equal(handler.messages.all.length, 0);
  client.reset();
  assert.equal(await handler.nextGone(), id);
});

test('a streamed upload is cancelled by its handler', async (t) => {
  const { rig, handler } = await streaming(t);
  const client = await rig.connect();
  client.write(post(1_000_000) + 'x'.repeat(5_000));
  const { id } = await handler.next();
  handler.control(id, { cancel: true });
  await client.ended;
  const other = await rig.ask(handler);
  handler.control(id, { credits: 10 });
  assert.equal(await handler.nextGone(), id, 'credits for what is gone bring a notice');
  handler.answer(other.id, OK);
  assert.equal(await other.client.takeBytes(OK.length), OK);
});
