// Takes bodies of any size and says what has come: node upload.mjs SEND_SPEC RECV_SPEC
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { rm, stat } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { Mongrel2Handler } from 'holdfast/mongrel2';
import { specs } from './specs.mjs';

/** Bytes of a streamed upload that may be on their way. */
const WINDOW = 256 * 1024;

/** Larger files are refused before they come. */
const MAX_FILE = 10 * 1024 ** 3;

const handler = new Mongrel2Handler(specs('upload.mjs'));
handler.ready().then(() => console.log('upload is ready'));

/** Streamed uploads that are not complete, by connection. */
const streams = new Map();

for await (const event of handler) {
  const key = `${event.uuid} ${event.id}`;
  if (event.kind === 'request') {
    report(event, event.body.length, createHash('sha256').update(event.body));
  } else if (event.kind === 'upload-start') {
    if (Number(event.headers.get('content-length')) > MAX_FILE) refuse(event);
    else console.log(`${event.id} begins to upload`);
  } else if (event.kind === 'upload') {
    reportFile(event);
  } else if (event.kind === 'upload-part') {
    takePart(key, event);
  } else if (event.kind === 'disconnect') {
    streams.delete(key);
    console.log(`${event.id} has left`);
  }
}

/** The file is the handler's now. */
async function reportFile(event) {
  try {
    const hash = createHash('sha256');
    const { size } = await stat(event.file);
    await pipeline(createReadStream(event.file), hash);
    await rm(event.file);
    report(event, size, hash);
  } catch (error) {
    console.error(error.message);
    handler.respond(event, { status: 500, body: 'The file cannot be read.\n' });
  }
}

/** Asks for as much again as has come. */
function takePart(key, event) {
  if (event.first) {
    console.log(`${event.id} begins to upload`);
    streams.set(key, { request: event, bytes: 0, hash: createHash('sha256') });
  }
  const stream = streams.get(key);
  if (stream === undefined) return;
  stream.bytes += event.body.length;
  stream.hash.update(event.body);
  if (event.last) {
    streams.delete(key);
    report(stream.request, stream.bytes, stream.hash);
  } else {
    handler.grant(event, event.first ? WINDOW : event.body.length);
  }
}

function report(event, bytes, hash) {
  handler.respond(event, { body: `${bytes} bytes, SHA-256 ${hash.digest('hex')}\n` });
}

function refuse(event) {
  handler.respond(event, { status: 413, body: 'The file is too large.\n' });
  handler.close(event);
}
