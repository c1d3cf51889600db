import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { Writable } from 'node:stream';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { BoundedOutput, MAX_WAITING } from '../../../src/app/bounded-output.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const LOGGER = new URL('../../../src/app/index.ts', import.meta.url).href;
const LINE = `${'x'.repeat(1023)}\n`;

/** A stream whose reader takes a write when the test says so. */
class SlowStream extends Writable {
  readonly written: string[] = [];
  #taken: (() => void) | null = null;

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk.toString());
    this.#taken = done;
  }

  /** Takes all that waits. */
  read(): void {
    while (this.#taken !== null) {
      const taken = this.#taken;
      this.#taken = null;
      taken();
    }
  }
}

function countIn(counters: { dropped: number }): (lines: number) => void {
  return (lines) => {
    counters.dropped += lines;
  };
}

test('lines wait for a reader up to the bound, and further ones are dropped and counted until it has read them all', async () => {
  const stream = new SlowStream({ decodeStrings: true });
  const counters = { dropped: 0 };
  const reports: number[] = [];
  const output = new BoundedOutput(stream, countIn(counters), (dropped) => reports.push(dropped));
  const fitting = MAX_WAITING / LINE.length;
  for (let i = 0; i < fitting; i++) output.write(LINE);
  assert.equal(counters.dropped, 0);
  output.write(LINE + LINE);
  output.write(LINE);
  assert.equal(stream.writableLength, MAX_WAITING);
  assert.equal(counters.dropped, 3);
  const drained = once(stream, 'drain');
  stream.read();
  while (stream.writableLength > 0) {
    await new Promise((resolve) => setImmediate(resolve));
    stream.read();
  }
  await drained;
  assert.deepEqual(reports, [3]);
  assert.equal(stream.written.join('').length, MAX_WAITING);
  output.write(LINE);
  assert.equal(counters.dropped, 3);
});

test('lines larger than the bound pass when nothing waits', () => {
  const stream = new SlowStream();
  const counters = { dropped: 0 };
  new BoundedOutput(stream, countIn(counters), () => {}).write('x'.repeat(MAX_WAITING + 1));
  assert.equal(counters.dropped, 0);
  assert.equal(stream.written.length, 1);
});

test('a log whose pipe is not read neither blocks nor grows, and reports dropped lines when it is read again', async (t) => {
  const code = `import { createLog } from ${JSON.stringify(LOGGER)};
    const log = createLog('info');
    const text = 'x'.repeat(1000);
    for (let i = 0; i < 5000; i++) log.info({ text }, 'a line');
    process.send({ waiting: process.stdout.writableLength, dropped: log.counters.linesDropped }, () => process.disconnect());`;
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '--eval', code], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
  });
  t.after(() => child.kill('SIGKILL'));
  const closed = once(child, 'close');
  const [{ waiting, dropped }] = (await once(child, 'message')) as [{ waiting: number; dropped: number }];
  assert.ok(waiting <= MAX_WAITING, `${waiting} bytes wait`);
  assert.ok(dropped > 3_000, `${dropped} lines were dropped`);
  let text = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk;
  });
  await closed;
  const last = JSON.parse(text.trimEnd().split('\n').at(-1) ?? '');
  assert.equal(last.msg, 'log lines were dropped because the output was not read');
  assert.ok(last.dropped >= dropped);
});
