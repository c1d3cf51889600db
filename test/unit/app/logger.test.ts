import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { createLog } from '../../../src/app/index.ts';
import type { Log } from '../../../src/exchange/index.ts';

const LOGGER = new URL('../../../src/app/index.ts', import.meta.url);
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

/** Runs `script`, which makes its logs with `createLog`, and resolves with the lines on its standard output. */
async function lines(script: string): Promise<string[]> {
  const code = `import { createLog } from ${JSON.stringify(LOGGER.href)}; ${script}`;
  const args = ['--import', 'tsx', '--input-type=module', '--eval', code];
  const { stdout } = await promisify(execFile)(process.execPath, args, { cwd: ROOT });
  return stdout.split('\n').slice(0, -1);
}

test('A record is a line of JSON with its time, its level by name, its fields and its message', async () => {
  const [line = '', ...more] = await lines(
    `createLog('info').warn({ code: 'HF_NO_ROUTE', n: 1, list: ['a'] }, 'request failed');`,
  );
  assert.deepEqual(more, []);
  const { time, ...rest } = JSON.parse(line);
  assert.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(rest, { level: 'warn', code: 'HF_NO_ROUTE', n: 1, list: ['a'], msg: 'request failed' });
});

test('A line end in a field cannot make a second record', async () => {
  const [line = '', ...more] = await lines(`createLog('info').info({ uri: 'a\\n{"level":"error"}' }, 'x\\ny');`);
  assert.deepEqual(more, []);
  assert.deepEqual([JSON.parse(line).uri, JSON.parse(line).msg], ['a\n{"level":"error"}', 'x\ny']);
});

test('Records below the level are not written', async () => {
  const levels = ['debug', 'info', 'warn', 'error'];
  const list = JSON.stringify(levels);
  const written = await lines(`
    for (const least of ${list}) {
      const log = createLog(least);
      for (const level of ${list}) log[level]({ least }, 'x');
    }`);
  const expected = levels.flatMap((least, index) => levels.slice(index).map((level) => `${level} of ${least}`));
  const found = written.map((line) => `${JSON.parse(line).level} of ${JSON.parse(line).least}`);
  assert.deepEqual(found.sort(), expected.sort());
});

test('A log knows whether it writes records of debug', () => {
  assert.equal(createLog('debug').debugEnabled, true);
  assert.equal(createLog('info').debugEnabled, false);
  assert.equal(createLog('info').infoEnabled, true);
  assert.equal(createLog('warn').infoEnabled, false);
});

/** What `write` writes to a log of a terminal. */
function onTerminal(t: TestContext, write: (log: Log) => void): string {
  let written = '';
  const { isTTY } = process.stdout;
  process.stdout.isTTY = true;
  t.mock.method(process.stdout, 'write', (text: string) => {
    written += text;
    return true;
  });
  try {
    write(createLog('debug'));
  } finally {
    process.stdout.isTTY = isTTY;
    t.mock.restoreAll();
  }
  return written;
}

test('On a terminal a record is a line for people', (t) => {
  const written = onTerminal(t, (log) => {
    log.warn({ code: 'HF_NO_ROUTE', n: 1, list: ['a'], text: 'two words', empty: '' }, 'request failed');
    log.error({}, 'stopped');
  });
  const [first = '', second = ''] = written.split('\n');
  const time = /^\d\d:\d\d:\d\d\.\d{3} /;
  assert.match(first, time);
  assert.equal(first.replace(time, ''), 'WARN  request failed code=HF_NO_ROUTE n=1 list=["a"] text=two words empty=');
  assert.equal(second.replace(time, ''), 'ERROR stopped');
});

test('On a terminal no field begins a line of its own or controls the terminal', (t) => {
  const written = onTerminal(t, (log) => {
    log.info({ channel: 'a\n12:00:00.000 ERROR forged \x1b[2J\x9b2J\x7f', list: ['\x9b'] }, 'published');
  });
  assert.ok(
    written.endsWith('published channel="a\\n12:00:00.000 ERROR forged \\u001b[2J\\u009b2J\\u007f" list=["\\u009b"]\n'),
    JSON.stringify(written),
  );
});
