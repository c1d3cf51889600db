import assert from 'node:assert/strict';
import fs, { readdirSync, readFileSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { TurnQueue } from '../../../src/clock/index.ts';
import type { ExchangeError, Requester } from '../../../src/exchange/index.ts';
import { Mongrel2Counters } from '../../../src/mongrel2/mongrel2-counters.ts';
import { SpooledUpload } from '../../../src/mongrel2/spooled-upload.ts';
import { StreamedUpload } from '../../../src/mongrel2/streamed-upload.ts';
import type { UploadHeader, UploadMessages } from '../../../src/mongrel2/upload-messages.ts';
import { UploadStore, type UploadStoreOptions } from '../../../src/mongrel2/upload-store.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { turn } from '../../support/manual-clock.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { Arrivals } from '../../support/zmq/zmq-rig.ts';

/** The messages of an upload, each as one text; and how its connection ends. */
class FakeMessages implements UploadMessages {
  readonly sent = new Arrivals<string>();
  readonly ends = new Arrivals<string>();
  taken = true;
  /** The last message has been sent. */
  onLast = (): void => {};

  sendRequest(extra: string, body: Buffer, last: boolean): boolean {
    return this.#send('request', extra, body, last);
  }

  sendPart(extra: string, body: Buffer, last: boolean): boolean {
    return this.#send('part', extra, body, last);
  }

  fail({ code }: ExchangeError): void {
    this.ends.add(code);
  }

  fault(thrown: unknown): void {
    this.ends.add(`fault ${(thrown as Error).message}`);
  }

  pair(name: UploadHeader, value: string): string {
    return ` ${name}=${value}`;
  }

  #send(kind: string, extra: string, body: Buffer, last: boolean): boolean {
    if (this.taken && last) this.onLast();
    if (this.taken) this.sent.add(`${kind}${extra} ${JSON.stringify(body.toString())}`);
    return this.taken;
  }
}

/** Counts what a responder grants. */
class FakeGrants {
  granted = 0;
  #waits: (() => void)[] = [];

  get requester(): Requester {
    return { onRequestCredit: (bytes: number) => this.#grant(bytes) } as unknown as Requester;
  }

  /** Resolves when at least so many bytes have been granted in all. */
  async reach(bytes: number): Promise<void> {
    while (this.granted < bytes) await new Promise<void>((resolve) => this.#waits.push(resolve));
  }

  #grant(bytes: number): void {
    this.granted += bytes;
    for (const resolve of this.#waits.splice(0)) resolve();
  }
}

class Rig {
  readonly folder: string;
  readonly counters = new Mongrel2Counters();
  readonly log = new FakeLog();
  readonly store: UploadStore;

  constructor(t: TestContext, options: Partial<UploadStoreOptions> = {}) {
    this.folder = temporaryFolder(t);
    this.store = new UploadStore({
      template: `${this.folder}/upload.XXXXXX`,
      mode: 0o640,
      names: '/upload.XXXXXX',
      turn: new TurnQueue(),
      counters: this.counters,
      log: this.log,
      ...options,
    });
  }

  get files(): string[] {
    return readdirSync(this.folder);
  }

  upload(): { upload: SpooledUpload; messages: FakeMessages; grants: FakeGrants } {
    const messages = new FakeMessages();
    const grants = new FakeGrants();
    const upload = new SpooledUpload(this.store, grants.requester, messages);
    messages.onLast = () => upload.onDelivered();
    upload.start();
    return { upload, messages, grants };
  }
}

/** Open files of this process in a folder. */
function openIn(folder: string): string[] {
  return readdirSync('/proc/self/fd').flatMap((fd) => {
    try {
      const path = fs.readlinkSync(`/proc/self/fd/${fd}`);
      return path.startsWith(folder) ? [path] : [];
    } catch {
      return [];
    }
  });
}

const BODY = Buffer.alloc(200_000, 'upload ');

test('a handler learns of a file when it is begun, and when it is complete', async (t) => {
  const rig = new Rig(t);
  const { upload, messages, grants } = rig.upload();
  const start = await messages.sent.next();
  const [, name] = /^request x-mongrel2-upload-start=(\/upload\.[A-Za-z0-9]{6}) ""$/.exec(start) ?? [];
  const path = `${rig.folder}${name}`;
  assert.equal(statSync(path).size, 0);
  assert.equal(statSync(path).mode & 0o777, 0o640);
  for (let at = 0; at < BODY.length; ) {
    await grants.reach(at + 1);
    const chunk = BODY.subarray(at, Math.min(grants.granted, at + 30_000));
    at += chunk.length;
    upload.onRequestData(chunk, at < BODY.length);
  }
  assert.equal(await messages.sent.next(), `request x-mongrel2-upload-start=${name} x-mongrel2-upload-done=${name} ""`);
  assert.deepEqual(readFileSync(path), BODY);
  await rig.store.whenIdle();
  assert.deepEqual([openIn(rig.folder), rig.store.held.bytes, messages.ends.all], [[], 0, []]);
});

test('the client is granted a window, and then what is in the file', async (t) => {
  const rig = new Rig(t);
  const { upload, grants } = rig.upload();
  await grants.reach(65_536);
  upload.onRequestData(BODY.subarray(0, 65_536), true);
  assert.equal(grants.granted, 65_536);
  await grants.reach(131_072);
  assert.equal(grants.granted, 131_072);
  upload.onRequestError();
  await rig.store.whenIdle();
});

test('bytes that drip are in the file in their order', async (t) => {
  const rig = new Rig(t);
  const { upload, messages, grants } = rig.upload();
  await grants.reach(1);
  for (let i = 0; i < 10_000; i++) {
    upload.onRequestData(Buffer.from([i % 251]), i < 9_999);
    if (i % 100 === 0) await turn();
  }
  const [name] = rig.files as [string];
  await messages.sent.take(2);
  assert.deepEqual(
    [...readFileSync(`${rig.folder}/${name}`)],
    Array.from({ length: 10_000 }, (_, i) => i % 251),
  );
});

test('an empty upload is an empty file', async (t) => {
  const rig = new Rig(t);
  const { upload, messages, grants } = rig.upload();
  await grants.reach(1);
  upload.onRequestData(Buffer.alloc(0), false);
  assert.match((await messages.sent.take(2))[1] as string, /upload-done/);
  assert.equal(rig.files.length, 1);
});

for (const when of [
  'while the file is being made',
  'while bytes are written',
  'between two writes',
  'while it is closed',
]) {
  test(`a client that leaves ${when} leaves no file`, async (t) => {
    const rig = new Rig(t);
    const { upload, messages, grants } = rig.upload();
    if (when !== 'while the file is being made') {
      await grants.reach(1);
      upload.onRequestData(BODY.subarray(0, 50_000), true);
    }
    if (when === 'between two writes') await grants.reach(115_536);
    if (when === 'while it is closed') {
      await grants.reach(115_536);
      upload.onRequestData(Buffer.alloc(0), false);
    }
    messages.taken = false;
    upload.onRequestError();
    await rig.store.whenIdle();
    assert.deepEqual([rig.files, openIn(rig.folder), rig.store.held.bytes], [[], [], 0]);
  });
}

test('a file that nobody is told of is removed', async (t) => {
  const rig = new Rig(t);
  const absent = rig.upload();
  absent.messages.taken = false;
  await rig.store.whenIdle();
  assert.deepEqual([rig.files, absent.grants.granted], [[], 0]);
  const late = rig.upload();
  await late.grants.reach(1);
  late.messages.taken = false;
  late.upload.onRequestData(BODY.subarray(0, 100), false);
  await rig.store.whenIdle();
  while (rig.files.length > 0) await turn();
});

test('a complete file that no handler knows of yet is removed when its client leaves', async (t) => {
  const rig = new Rig(t);
  const { upload, messages, grants } = rig.upload();
  messages.onLast = () => {};
  await grants.reach(1);
  upload.onRequestData(BODY.subarray(0, 100), false);
  await messages.sent.take(2);
  assert.deepEqual([rig.files.length, rig.store.open], [1, 1]);
  upload.onRequestError();
  await rig.store.whenIdle();
  assert.deepEqual(rig.files, []);
});

test('an upload fails when its file cannot be made', async (t) => {
  const rig = new Rig(t, { template: '/nonexistent/folder/XXXXXX' });
  const { messages } = rig.upload();
  assert.equal(await messages.ends.next(), 'HF_UPLOAD_STORE');
  await rig.store.whenIdle();
});

test('an upload fails when too many files are open', async (t) => {
  const rig = new Rig(t);
  t.mock.method(fs, 'open', (...args: unknown[]) => {
    const done = args.at(-1) as (error: Error) => void;
    setImmediate(done, Object.assign(new Error('too many'), { code: 'EMFILE', errno: -24 }));
  });
  assert.equal(await rig.upload().messages.ends.next(), 'HF_UPLOADS_BUSY');
  await rig.store.whenIdle();
});

test('an upload fails when the disk is full, and leaves no file', async (t) => {
  const rig = new Rig(t);
  const { upload, messages, grants } = rig.upload();
  await grants.reach(1);
  t.mock.method(fs, 'write', (...args: unknown[]) => {
    const done = args.at(-1) as (error: Error) => void;
    setImmediate(done, Object.assign(new Error('no space'), { code: 'ENOSPC', errno: -28 }));
  });
  upload.onRequestData(BODY.subarray(0, 100), true);
  assert.equal(await messages.ends.next(), 'HF_UPLOAD_NO_ROOM');
  upload.onRequestData(BODY.subarray(0, 100), true);
  await rig.store.whenIdle();
  assert.deepEqual([rig.files, openIn(rig.folder)], [[], []]);
});

test('a name that is taken is not used, and links are not followed', async (t) => {
  const rig = new Rig(t);
  const { open } = fs;
  let refused = 0;
  t.mock.method(fs, 'open', (...args: Parameters<typeof open>) => {
    if (refused++ < 3) fs.symlinkSync('/dev/null', args[0] as string);
    open(...args);
  });
  const { messages } = rig.upload();
  await messages.sent.next();
  assert.equal(refused, 4);
});

test('uploads at the same time are bounded, and further ones are refused', async (t) => {
  const rig = new Rig(t, { maxUploads: 2 });
  const first = rig.upload();
  const second = rig.upload();
  const third = rig.upload();
  assert.equal(await third.messages.ends.next(), 'HF_UPLOADS_BUSY');
  for (const { upload } of [first, second]) upload.onRequestError();
  await rig.store.whenIdle();
  await rig.upload().messages.sent.next();
});

test('of uploads that take too much of the disk together the largest is given up', async (t) => {
  const rig = new Rig(t, { maxBytes: 100_000 });
  const small = rig.upload();
  const large = rig.upload();
  await small.grants.reach(1);
  await large.grants.reach(1);
  small.upload.onRequestData(BODY.subarray(0, 40_000), true);
  large.upload.onRequestData(BODY.subarray(0, 60_001), true);
  assert.equal(await large.messages.ends.next(), 'HF_UPLOAD_NO_ROOM');
  while (rig.files.length > 1) await turn();
  assert.equal(rig.counters.uploadsFailed, 1);
  small.upload.onRequestData(BODY.subarray(0, 40_000), false);
  assert.equal((await small.messages.sent.take(2)).length, 2);
  await rig.store.whenIdle();
});

test('a defect ends one upload, and leaves no file', async (t) => {
  const rig = new Rig(t);
  const { upload, messages, grants } = rig.upload();
  await grants.reach(1);
  grants.requester.onRequestCredit = () => {};
  t.mock.method(upload, 'onWritten', () => {
    throw new Error('defect');
  });
  upload.onRequestData(BODY.subarray(0, 100), true);
  assert.equal(await messages.ends.next(), 'fault defect');
  await rig.store.whenIdle();
  assert.deepEqual(rig.files, []);
});

test('handlers know a file by the name that the configuration gives it', (t) => {
  const name = (names: string, path: string): string => new Rig(t, { names }).store.nameOf(path);
  assert.equal(name('/tmp/m.XXXXXX', '/srv/site/tmp/m.abcdef'), '/tmp/m.abcdef');
  assert.equal(name('tmp/m.XXXXXX', '/srv/site/tmp/m.abcdef'), 'tmp/m.abcdef');
  assert.equal(name('/tmp/\u00e9.XXXXXX', '/tmp/\u00e9.abcdef'), '/tmp/\xc3\xa9.abcdef');
});

// ---- streamed

function streamed(chunked = false): { upload: StreamedUpload; messages: FakeMessages; grants: FakeGrants } {
  const messages = new FakeMessages();
  const grants = new FakeGrants();
  const upload = new StreamedUpload(grants.requester, messages, chunked, new TurnQueue());
  upload.start();
  return { upload, messages, grants };
}

test('the first part of a streamed upload has what came with the head, and further ones need credits', async () => {
  const { upload, messages, grants } = streamed();
  assert.equal(grants.granted, 4_096);
  upload.onRequestData(Buffer.from('first'), true);
  assert.equal(await messages.sent.next(), 'request UPLOAD_STREAM=0 "first"');
  upload.onRequestData(Buffer.from(' second'), true);
  assert.deepEqual(messages.sent.all, []);
  upload.grant(3);
  assert.equal(await messages.sent.next(), 'part UPLOAD_STREAM=5 " se"');
  assert.equal(grants.granted, 4_099);
  upload.grant(100);
  assert.equal(await messages.sent.next(), 'part UPLOAD_STREAM=8 "cond"');
  upload.onRequestData(Buffer.from(' last'), false);
  assert.equal(await messages.sent.next(), 'part UPLOAD_STREAM=12 UPLOAD_STREAM_DONE=1 " last"');
  assert.equal(grants.granted, 4_199);
  upload.grant(100);
  assert.deepEqual([grants.granted, messages.sent.all, messages.ends.all], [4_199, [], []]);
});

test('a streamed upload that came with its head is one message', async () => {
  const { upload, messages } = streamed();
  upload.onRequestData(Buffer.from('all'), false);
  assert.equal(await messages.sent.next(), 'request UPLOAD_STREAM=0 UPLOAD_STREAM_DONE=1 "all"');
  upload.grant(100);
  assert.deepEqual(messages.sent.all, []);
});

test('a chunked streamed upload has an empty first part and an empty last one', async () => {
  const { upload, messages, grants } = streamed(true);
  assert.equal(grants.granted, 0);
  assert.equal(await messages.sent.next(), 'request UPLOAD_STREAM=0 ""');
  upload.grant(10);
  upload.onRequestData(Buffer.from('12345'), true);
  upload.onRequestData(Buffer.from('6789'), false);
  assert.deepEqual(await messages.sent.take(3), [
    'part UPLOAD_STREAM=0 "12345"',
    'part UPLOAD_STREAM=5 "6789"',
    'part UPLOAD_STREAM=9 UPLOAD_STREAM_DONE=1 ""',
  ]);
  const empty = streamed(true);
  empty.upload.onRequestData(Buffer.alloc(0), false);
  assert.deepEqual(await empty.messages.sent.take(2), [
    'request UPLOAD_STREAM=0 ""',
    'part UPLOAD_STREAM=0 UPLOAD_STREAM_DONE=1 ""',
  ]);
});

test('a streamed upload whose client leaves sends nothing more', async () => {
  const { upload, messages, grants } = streamed();
  upload.onRequestError();
  await turn();
  upload.grant(10);
  assert.deepEqual([messages.sent.all, grants.granted], [[], 4_096]);
});

test('credits of a handler are a sum that stays exact', async () => {
  const { upload, messages, grants } = streamed();
  await messages.sent.next();
  for (let i = 0; i < 3; i++) upload.grant(Number.MAX_SAFE_INTEGER);
  assert.equal(grants.granted, 4_096 + 2 ** 40);
  upload.onRequestData(Buffer.from('x'), true);
  assert.equal(upload.credits, 2 ** 40 - 1);
});

test('a streamed upload that no handler takes ends', async () => {
  const { upload, messages } = streamed();
  messages.taken = false;
  await turn();
  await turn();
  upload.grant(10);
  upload.onRequestData(Buffer.from('x'), true);
  assert.equal(upload.done, true);
});
