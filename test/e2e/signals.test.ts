import assert from 'node:assert/strict';
import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startHoldfast } from '../support/holdfast.ts';
import { turn } from '../support/manual-clock.ts';
import type { Program } from '../support/program.ts';
import { temporaryFolder } from '../support/temporary-folder.ts';
import { childrenOf } from '../support/worker-of.ts';

/** SIGUSR2 is left out where it would do what it is for. */
const OTHER_SIGNALS = ['SIGUSR1', 'SIGHUP', 'SIGUSR2'] as const;
const IDLE_SIGNALS = ['SIGUSR1', 'SIGHUP'] as const;

/** The commands that serve, each with what it needs to start. */
function serversIn(folder: string): readonly (readonly [string, readonly string[]])[] {
  const [edge, zurl] = [join(folder, 'edge'), join(folder, 'zurl.conf')];
  return [
    ['run', ['--port', '127.0.0.1:0', '--control-port', '0', '--route', '* localhost:1']],
    ['condure', ['--listen', '127.0.0.1:0', '--zclient-stream', `ipc://${edge}`]],
    ['condure', ['--listen', '127.0.0.1:0', '--zclient-stream', `ipc://${edge}`, '--workers', '2']],
    ['zurl', [`--config=${zurl}`]],
  ];
}

function start(t: TestContext, index: number): Program {
  const folder = temporaryFolder(t);
  const conf = `[General]\nin_req_spec=ipc://${join(folder, 'req')}\n`;
  const cwd = temporaryFolder(t, { 'zurl.conf': conf });
  const [command, args] = serversIn(cwd)[index] as readonly [string, readonly string[]];
  return startHoldfast(t, [command, ...args], { cwd });
}

/** Resolves as soon as the process catches SIGUSR2, which is what its very first statements bring about. */
async function catches(program: Program): Promise<void> {
  const file = `/proc/${program.pid}/status`;
  // Systems without /proc are tested with signals that come later.
  if (!existsSync('/proc/self/status')) {
    await program.logged('started');
    return;
  }
  const bit = 1n << BigInt(constants.signals.SIGUSR2 - 1);
  for (;;) {
    const caught = /^SigCgt:\s*([0-9a-f]+)$/m.exec(readFileSync(file, 'latin1'))?.[1] ?? '0';
    if ((BigInt(`0x${caught}`) & bit) !== 0n) return;
    await turn();
  }
}

for (const index of [0, 1, 2, 3]) {
  const [command, args] = serversIn('.')[index] as readonly [string, readonly string[]];
  const name = args.includes('--workers') ? `${command} with workers` : command;

  test(`${name} continues after early SIGHUP, SIGUSR1 and SIGUSR2, and opens no debugger`, async (t) => {
    const program = start(t, index);
    await catches(program);
    for (const signal of OTHER_SIGNALS) program.kill(signal);
    await program.logged('started');
    for (const signal of IDLE_SIGNALS) program.kill(signal);
    const { code, stderr } = await program.stop();
    assert.equal(code, 0);
    assert.equal(stderr, '');
  });
}

for (const index of [0, 1, 2, 3]) {
  const [command, args] = serversIn('.')[index] as readonly [string, readonly string[]];
  const name = args.includes('--workers') ? `${command} with workers` : command;

  test(`${name} ends at once after SIGQUIT, and leaves no socket file`, async (t) => {
    const program = start(t, index);
    const started = await program.logged('started');
    program.kill('SIGQUIT');
    const { code, stderr } = await program.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.equal(program.log().at(-1)?.msg, 'stopping at once');
    const endpoints = JSON.stringify(started).match(/(?<=ipc:\/\/)[^"]+/g) ?? [];
    for (const path of endpoints) assert.equal(existsSync(path), false, path);
  });
}

test('SIGUSR1 and SIGHUP open the log file again', async (t) => {
  const cwd = temporaryFolder(t);
  const conf = join(cwd, 'zurl.conf');
  writeFileSync(conf, `[General]\nin_req_spec=ipc://${join(cwd, 'req')}\n`);
  const program = startHoldfast(t, ['zurl', `--config=${conf}`, '--logfile=log'], { cwd });
  const logged = async (file: string, message: string): Promise<void> => {
    while (!existsSync(join(cwd, file)) || !readFileSync(join(cwd, file), 'utf8').includes(message)) await turn();
  };
  await logged('log', 'started');
  for (const [signal, former] of [
    ['SIGUSR1', 'log.1'],
    ['SIGHUP', 'log.2'],
  ] as const) {
    renameSync(join(cwd, 'log'), join(cwd, former));
    program.kill(signal);
    await logged('log', 'log file reopened');
  }
  assert.equal((await program.stop()).code, 0);
});

test('the reference names the signals that are caught', () => {
  const reference = readFileSync(new URL('../../docs/reference/signals.md', import.meta.url), 'utf8');
  const source = readFileSync(new URL('../../src/cli/server-signals.ts', import.meta.url), 'utf8');
  const rows = [...reference.matchAll(/^\| (SIG[A-Z0-9, ]+) \|/gm)].flatMap(([, names = '']) => names.split(', '));
  const caught = new Set([...source.matchAll(/'(SIG[A-Z0-9]+)'/g)].map(([, name]) => name));
  assert.deepEqual(rows.sort(), [...caught].sort());
});

test('a worker opens no debugger either', async (t) => {
  const program = start(t, 2);
  await program.logged('started');
  const workers = childrenOf(program.pid);
  assert.equal(workers.length, 2);
  for (const signal of OTHER_SIGNALS) for (const pid of workers) process.kill(pid, signal);
  const { code, stderr } = await program.stop();
  assert.equal(code, 0);
  assert.equal(stderr, '');
});
