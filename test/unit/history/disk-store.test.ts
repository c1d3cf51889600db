import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { DiskStore, type StoreFiles } from '../../../src/history/index.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { FakeDisk, systemError } from '../../support/history/fake-disk.ts';
import { ALL } from '../../support/history/history-model.ts';
import { turn } from '../../support/manual-clock.ts';
import { Program } from '../../support/program.ts';
import { eventually } from '../../support/running-app.ts';
import { temporaryFolder } from '../../support/temporary-folder.ts';
import { at, readNow, texts } from './support.ts';

const log = new FakeLog();
const execute = promisify(execFile);

function open(path: string, maxBytes = 4_194_304): Promise<DiskStore> {
  return DiskStore.open({ path, maxBytes, log, syncInterval: 1 });
}

function openFake(files: StoreFiles): Promise<DiskStore> {
  return DiskStore.open({ path: '', files, maxBytes: 4_194_304, log, syncInterval: 1 });
}

/** Appends one item. Resolves with its number once it is stored. */
function put(store: DiskStore, channel: string, text: string, keep = ALL): Promise<number> {
  return new Promise((resolve) => store.append([{ channel, bytes: Buffer.from(text), keep }], resolve));
}

function segmentsIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.segment'));
}

test('a restart finds all items, floors and cursors', async (t) => {
  const folder = join(temporaryFolder(t), 'new', 'store');
  const store = await open(folder);
  const { epoch } = store;
  for (const text of ['1', '2', '3']) await put(store, 'a', text, { ...ALL, items: 2 });
  await put(store, 'b', '4');
  await put(store, 'c', '5');
  store.clear('c');
  await store.stop();
  assert.equal(statSync(folder).mode & 0o777, 0o700);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o600, name);

  const again = await open(folder);
  assert.deepEqual([again.epoch, again.last, again.head, again.degraded], [epoch, 5, 5, null]);
  assert.deepEqual(texts(readNow(again, ['a', 'b'], at(again, 1))), ['2', '3', '4']);
  assert.deepEqual(readNow(again, ['c'], at(again, 4)).gaps, ['c']);
  assert.equal(await put(again, 'a', '6'), 6);
  assert.deepEqual(texts(readNow(again, ['a', 'b'], at(again, 2))), ['3', '4', '6']);
  await again.stop();
});

test('items are delivered once the system has them, and all of a turn in one write', async () => {
  const disk = new FakeDisk();
  const store = await openFake(disk.process());
  const writes: number[] = [];
  const stored: number[] = [];
  watchWrites(disk, writes);
  for (const text of ['1', '2', '3']) {
    store.append([{ channel: 'a', bytes: Buffer.from(text), keep: ALL }], (first) => stored.push(first));
  }
  assert.deepEqual([stored, store.last, store.head, store.waiting], [[], 3, 0, 3 * 256]);
  assert.deepEqual(texts(readNow(store, ['a'], at(store, 0))), [], 'what is not stored is in no answer');
  await put(store, 'a', '4');
  assert.deepEqual(stored, [1, 2, 3]);
  assert.equal(writes.length, 1);
  assert.deepEqual([store.head, store.waiting], [4, 0]);
  await store.stop();
});

/** The timers of a store keep no process alive, so this does until the promise is settled. */
async function awake<T>(promise: Promise<T>): Promise<T> {
  const timer = setInterval(() => undefined, 1_000);
  try {
    return await promise;
  } finally {
    clearInterval(timer);
  }
}

/** Resolves when this holds, which is looked at in each turn. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await turn();
}

/** Notes the bytes of each write. */
function watchWrites(disk: FakeDisk, writes: number[]): void {
  const { put: write } = disk;
  disk.put = (name, bytes, position, file) => {
    writes.push(bytes.length);
    write.call(disk, name, bytes, position, file);
  };
}

test('a flipped byte sets its segment aside, is reported, and begins a new epoch', async (t) => {
  for (const place of [0, 9, 40, 60, 70, 5_000]) {
    const folder = temporaryFolder(t);
    const store = await open(folder);
    const { epoch } = store;
    for (let i = 0; i < 200; i++) await put(store, 'a', `item ${i}`.repeat(10));
    await store.stop();
    const [name = ''] = segmentsIn(folder);
    const bytes = readFileSync(join(folder, name));
    bytes[place] = (bytes[place] ?? 0) ^ 1;
    writeFileSync(join(folder, name), bytes);

    const heard = new FakeLog();
    const again = await DiskStore.open({ path: folder, maxBytes: 4_194_304, log: heard });
    assert.notEqual(again.epoch, epoch, `byte ${place}`);
    assert.ok(readdirSync(folder).includes(`${name}.damaged`));
    assert.equal(heard.of('history segment damaged and set aside')[0]?.file, `${name}.damaged`);
    assert.ok((await put(again, 'a', 'new')) > 200);
    assert.deepEqual(texts(readNow(again, ['a'], null)), ['new']);
    assert.equal(readNow(again, ['a'], { epoch, number: 200 }).recovered, false);
    await again.stop();
  }
});

test('a damaged state begins a new epoch, beyond the numbers of before', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder);
  await put(store, 'a', '1');
  await store.stop();
  const text = readFileSync(join(folder, 'state'), 'latin1');
  writeFileSync(join(folder, 'state'), text.replace('"clean":true', '"clean":tRue'));
  const again = await open(folder);
  assert.notEqual(again.epoch, store.epoch);
  assert.ok(again.last > 1);
  assert.deepEqual(texts(readNow(again, ['a'], null)), ['1'], 'it is there for those who have no cursor');
  assert.equal(readNow(again, ['a'], { epoch: again.epoch, number: 0 }).recovered, false);
  await again.stop();

  writeFileSync(join(folder, 'state'), text.replace('history 1', 'history 2'));
  await assert.rejects(open(folder), /version 2, and this program knows version 1/);
});

test('two stores in one folder are refused, by process', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder);
  await assert.rejects(open(folder), { name: 'StoreError', message: /this process has it open/ });
  await put(store, 'a', 'still works');
  await store.stop();

  const start = readFileSync(`/proc/${process.ppid}/stat`, 'latin1').split(') ')[1]?.split(' ')[19];
  const other = join(folder, `lock-${process.ppid}-${start}`);
  writeFileSync(other, '');
  await assert.rejects(open(folder), new RegExp(`the process ${process.ppid} has it open; stop that one`));
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.startsWith('lock-')),
    [`lock-${process.ppid}-${start}`],
  );
  // The same id at another time is another process, which is dead.
  const folderOfDead = temporaryFolder(t, { [`lock-${process.ppid}-1`]: '', 'lock-999999999-1': '' });
  const taken = await open(folderOfDead);
  assert.deepEqual(readdirSync(folderOfDead).filter((name) => name.startsWith('lock-')).length, 1);
  await taken.stop();
});

test('a process that has ended and that nobody has waited for has no store open', async (t) => {
  const folder = temporaryFolder(t);
  // What takes the place of the shell does not wait for the shell's child, which ends after that.
  const input = new PassThrough();
  const parent = new Program(t, '/bin/sh', ['-c', 'exec 3<&0; read line <&3 & echo $!; exec sleep 600'], { input });
  const [pid = ''] = await parent.output(/^\d+(?=\n)/);
  await eventually(() => readFileSync(`/proc/${parent.pid}/comm`, 'latin1') === 'sleep\n');
  input.end('\n');
  const fields = (): string[] => readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1]?.split(' ') ?? [];
  await eventually(() => fields()[0] === 'Z');
  writeFileSync(join(folder, `lock-${pid}-${fields()[19]}`), '');
  await (await open(folder)).stop();
});

test('a folder that is no store is refused, with what to do', async (t) => {
  const folder = temporaryFolder(t, { 'notes.txt': 'of somebody' });
  await assert.rejects(open(folder), {
    message: `history store ${folder}: it has notes.txt, so it is no store; name an empty folder, or one that does not exist`,
  });
  assert.deepEqual(readdirSync(folder), ['notes.txt']);
  await assert.rejects(open(join(folder, 'notes.txt')), /it needs a folder that this user can read and write/);
  await assert.rejects(open(temporaryFolder(t), 1_000), RangeError);

  const files = new FakeDisk().process();
  files.list = async () => {
    throw systemError('EACCES', -13);
  };
  await assert.rejects(openFake(files), /^StoreError: history store \/store: permission denied; it needs a folder/);
});

test('on a full disk publishing goes on from memory, and when there is room all is written', async () => {
  const disk = new FakeDisk();
  const heard = new FakeLog();
  const options = { path: '', maxBytes: 4_194_304, log: heard, syncInterval: 1 };
  const store = await DiskStore.open({ ...options, files: disk.process() });
  const { epoch } = store;
  await put(store, 'a', '1');
  disk.room = 10;
  for (const text of ['2', '3', '4']) await put(store, 'a', text);
  assert.deepEqual(texts(readNow(store, ['a'], at(store, 1))), ['2', '3', '4']);
  assert.equal(store.degraded, 'items are not written to /store: no space left on device');
  assert.deepEqual(heard.of('history is kept in memory only'), [{ path: '/store', reason: 'no space left on device' }]);
  assert.ok(!disk.names.includes('whole'));

  disk.room = 1_000_000;
  await awake(heard.until('history is written to the disk again'));
  assert.equal(store.degraded, null);
  await put(store, 'a', '5');
  disk.kill(undefined as never, false);
  const again = await DiskStore.open({ ...options, files: disk.process() });
  assert.equal(again.epoch, epoch, 'nothing is missing');
  assert.deepEqual(texts(readNow(again, ['a'], at(again, 1))), ['2', '3', '4', '5']);

  disk.room = 0;
  await put(again, 'a', '6');
  assert.notEqual(again.degraded, null);
  disk.kill(undefined as never, false);
  disk.room = 1_000_000;
  const last = await DiskStore.open({ ...options, files: disk.process() });
  assert.notEqual(last.epoch, epoch, 'the item 6 is missing');
  assert.equal(readNow(last, ['a'], at(again, 1)).recovered, false);
  assert.equal(heard.with('history is kept in memory only').length, 2);
  await last.stop();
});

test('what could not be brought to the disk is written again', async () => {
  const disk = new FakeDisk();
  const heard = new FakeLog();
  const options = { path: '', maxBytes: 4_194_304, log: heard, syncInterval: 1 };
  const store = await DiskStore.open({ ...options, files: disk.process() });
  disk.syncError = systemError('EIO', -5);
  await put(store, 'a', '1');
  await awake(heard.until('history is kept in memory only'));
  await put(store, 'a', '2');
  const writes: number[] = [];
  watchWrites(disk, writes);
  disk.syncError = null;
  await awake(heard.until('history is written to the disk again'));
  assert.ok((writes[0] ?? 0) > 100, 'from the beginning of the segment');
  await put(store, 'a', '3');
  await store.stop();
  const again = await DiskStore.open({ ...options, files: disk.process() });
  assert.deepEqual([again.epoch, texts(readNow(again, ['a'], at(again, 0)))], [store.epoch, ['1', '2', '3']]);
  await again.stop();
});

test('a store that cannot write when it is stopped stops all the same, and the next one begins a new epoch', async () => {
  const disk = new FakeDisk();
  const store = await openFake(disk.process());
  await put(store, 'a', '1');
  disk.room = 0;
  store.append([{ channel: 'a', bytes: Buffer.from('2'), keep: ALL }], () => undefined);
  await store.stop();
  assert.notEqual(store.degraded, null);
  disk.room = 1_000_000;
  const again = await openFake(disk.process());
  assert.notEqual(again.epoch, store.epoch);
  await again.stop();
});

test('no number is given out before it is reserved on the disk', async () => {
  const disk = new FakeDisk();
  const store = await openFake(disk.process());
  let release = (): void => undefined;
  disk.replacing = new Promise<void>((resolve) => {
    release = resolve;
  });
  const item = { channel: 'a', bytes: Buffer.from('x'), keep: { ...ALL, items: 1 } };
  const stored: number[] = [];
  for (let i = 0; i < 11; i++) {
    store.append(
      Array.from({ length: 100_000 }, () => item),
      (first) => stored.push(first),
    );
    for (let turns = 0; turns < 20; turns++) await turn();
  }
  assert.equal(stored.length, 10);
  assert.equal(store.head, 1_000_000);
  release();
  await put(store, 'a', 'last');
  assert.equal(stored.length, 11);
  disk.kill(undefined as never, false);
  const again = await openFake(disk.process());
  assert.ok(again.last > 1_100_000);
  await again.stop();
});

test('files of segments go when they are not needed any more, and what replaces them is on the disk', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder, 524_288);
  await put(store, 'kept', 'for long');
  for (let i = 0; i < 3_000; i++) {
    await put(store, 'hot', `${i}`.repeat(100), { ...ALL, items: 10 });
    if (i % 100 === 0) readNow(store, ['kept'], null);
  }
  await store.stop();
  const bytes = segmentsIn(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  assert.ok(bytes <= 524_288, `${bytes} bytes`);
  const again = await open(folder, 524_288);
  assert.deepEqual(texts(readNow(again, ['kept'], at(again, 0))), ['for long']);
  again.setRules('all', () => ({ ...ALL, items: 10 }));
  await turn();
  assert.equal(readNow(again, ['hot'], null).items.length, 10);
  await again.stop();
});

test('other rules at a restart continue no channel that may have had items which were not kept', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder);
  store.setRules('only a', (name) => (name === 'a' ? ALL : null));
  await put(store, 'a', '1');
  await store.stop();
  const same = await open(folder);
  same.setRules('only a', (name) => (name === 'a' ? ALL : null));
  assert.equal(readNow(same, ['a', 'b'], at(same, 0)).recovered, true);
  await same.stop();
  const other = await open(folder);
  other.setRules('all', () => ALL);
  assert.deepEqual(readNow(other, ['a', 'b'], at(other, 1)).gaps, ['b']);
  await other.stop();
  const last = await open(folder);
  last.setRules('all', () => ALL);
  assert.deepEqual(readNow(last, ['a', 'b'], at(last, 1)).gaps, ['b']);
  await last.stop();
});

test('at a restart no channel makes room for items that another one had let go, however long it takes to apply the rules', async () => {
  const disk = new FakeDisk();
  const options = { path: '', maxBytes: 65_536, log, syncInterval: 1 };
  const store = await DiskStore.open({ ...options, files: disk.process() });
  await put(store, 'kept', 'for long');
  for (let i = 0; i < 300; i++) {
    await put(store, 'hot', 'x'.repeat(1_000), { ...ALL, items: 25 });
    readNow(store, ['kept'], null);
  }
  await store.stop();
  const again = await DiskStore.open({ ...options, files: disk.process() });
  again.setRules('all', (channel) => {
    // Longer than what is done in one turn.
    for (const until = performance.now() + 10; performance.now() < until; );
    return channel === 'hot' ? { ...ALL, items: 25 } : ALL;
  });
  assert.deepEqual(texts(readNow(again, ['kept'], null)), ['for long']);
  assert.equal(readNow(again, ['hot'], null).items.length, 25);
  await again.stop();
});

test('a channel that was forgotten is not found again at a restart', async (t) => {
  const folder = temporaryFolder(t);
  const store = await open(folder);
  await put(store, 'a', '1');
  await put(store, 'b', '2');
  store.setRules('only b', (name) => (name === 'b' ? ALL : null));
  await turn();
  await store.stop();
  const again = await open(folder);
  assert.deepEqual(texts(readNow(again, ['a', 'b'], null)), ['2']);
  assert.deepEqual(readNow(again, ['a', 'b'], at(again, 2)).gaps, ['a']);
  await again.stop();
});

test('a read-only folder of a store is refused, and nothing is changed there', async (t) => {
  const parent = temporaryFolder(t);
  const folder = join(parent, 'store');
  const script = join(import.meta.dirname, '../../support/history/open-unprivileged.ts');
  const refusal = async (): Promise<string> =>
    (await execute(process.execPath, ['--import', 'tsx', script, folder])).stdout;
  chmodSync(parent, 0o755);
  mkdirSync(folder);
  chmodSync(folder, 0o555);
  assert.match(
    await refusal(),
    /^StoreError: history store .*: permission denied; it needs a folder that this user can/,
  );
  assert.deepEqual(readdirSync(folder), []);
  chmodSync(folder, 0o777);
  assert.equal(await refusal(), '');
  assert.ok(readdirSync(folder).includes('state'));
});

test('a cursor of an item that is not stored yet is one of the future', async () => {
  const store = await openFake(new FakeDisk().process());
  await put(store, 'a', '1');
  const stored = put(store, 'a', '2');
  assert.deepEqual(readNow(store, ['a'], at(store, 2)).gaps, ['a']);
  await stored;
  assert.equal(readNow(store, ['a'], at(store, 2)).recovered, true);
  await store.stop();
});

test('where the run of the machine is not known, a process that was killed leaves an epoch that ends', async () => {
  const disk = new FakeDisk();
  disk.boot = '';
  const store = await openFake(disk.process());
  await put(store, 'a', '1');
  disk.kill(undefined as never, false);
  const again = await openFake(disk.process());
  assert.notEqual(again.epoch, store.epoch);
  assert.ok(again.last > 1);
  assert.deepEqual(readNow(again, ['a'], at(store, 1)).gaps, ['a']);
  await again.stop();
  const last = await openFake(disk.process());
  assert.equal(last.epoch, again.epoch, 'that one was stopped');
  await last.stop();
});

test('a channel that had to make room is not continued after its process was killed, soon or late', async () => {
  for (let size = 100; size < 2_000; size += 100) {
    for (const further of [0, 1, 200]) {
      const disk = new FakeDisk();
      const options = { path: '', maxBytes: 65_536, log, syncInterval: 1 };
      const store = await DiskStore.open({ ...options, files: disk.process() });
      await put(store, 'first', '1');
      const big = 'x'.repeat(size);
      while (store.counters.channelsEvicted === 0) await put(store, 'big', big);
      for (let i = 0; i < further; i++) await put(store, 'big', big);
      if (further > 0) await disk.synced();
      disk.kill(undefined as never, false);
      const again = await DiskStore.open({ ...options, files: disk.process() });
      assert.equal(again.epoch, store.epoch);
      assert.deepEqual(readNow(again, ['first'], at(again, 0)).gaps, ['first'], `${size} bytes, and ${further} items`);
      assert.equal(readNow(again, ['first'], null).items.length, 0);
      assert.equal(readNow(again, ['first'], at(again, again.head)).recovered, true);
      await again.stop();
    }
  }
});

test('on a disk that fails, files of released segments stay until what replaces them is there; on a full one they make room', async () => {
  for (const [code, isFull] of [
    ['EIO', false],
    ['ENOSPC', true],
  ] as const) {
    const disk = new FakeDisk();
    const heard = new FakeLog();
    const options = { path: '', maxBytes: 65_536, log: heard, syncInterval: 100 };
    const store = await DiskStore.open({ ...options, files: disk.process() });
    const kept = randomBytes(50);
    await new Promise((resolve) => store.append([{ channel: 'kept', bytes: kept, keep: ALL }], resolve));
    await disk.synced();
    const { put: write } = disk;
    let tries = 0;
    /** How often it was tried before the item had to go. */
    let triesBefore = 0;
    const seen = new Promise<void>((resolve) => {
      disk.put = () => {
        if (++tries === 4 && !isFull) resolve();
        throw systemError(code, code === 'EIO' ? -5 : -28);
      };
      disk.removed = () => {
        if (triesBefore > 0 || disk.hasForSure(kept)) return;
        triesBefore = tries;
        resolve();
      };
    });
    for (let i = 0; i < 300; i++) {
      await put(store, 'hot', 'x'.repeat(1_000), { ...ALL, items: 3 });
      readNow(store, ['kept'], null);
    }
    await awake(seen);
    assert.ok(isFull ? triesBefore > 1 : triesBefore === 0, `${code}, tried ${triesBefore} times`);
    disk.put = write;
    await awake(heard.until('history is written to the disk again'));
    assert.ok(disk.hasForSure(kept));
    const bytes = disk.names.reduce((sum, name) => sum + disk.get(name).bytes.length, 0);
    assert.ok(bytes < 70_000, `${bytes} bytes`);
    await store.stop();
  }
});

test('a store that is stopped while a sync is under way brings what came after it to the disk, too', async () => {
  const disk = new FakeDisk();
  const store = await openFake(disk.process());
  await put(store, 'a', '1');
  let syncs = 0;
  disk.syncTurns = () => {
    syncs++;
    return 20;
  };
  await awake(until(() => syncs > 0));
  await put(store, 'a', 'the second');
  await store.stop();
  assert.ok(disk.hasForSure(Buffer.from('the second')));
});
