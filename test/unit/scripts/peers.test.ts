import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ensurePeers, findPeer, type Machine, type Peer, peerNamed, peersFor } from '../../../scripts/peers.mjs';
import { peer, requirePeer } from '../../support/peers.ts';

const FIRST: Peer = { name: 'first', for: 'test', proof: ['first', 'first-browser'], apt: 'first-nox' };
const SECOND: Peer = { name: 'second', for: 'test', proof: ['second'], apt: 'second' };

/** A machine with the commands in one folder of its own, and perhaps an apt-get. */
class FakeMachine implements Machine {
  readonly folder = mkdtempSync(join(tmpdir(), 'holdfast-'));
  readonly path = [this.folder];
  readonly ci: boolean;
  readonly said: string[] = [];
  aptGet: string | null = null;

  constructor(t: TestContext, commands: readonly string[], ci = false) {
    this.ci = ci;
    for (const name of commands) this.command(name, '');
    t.after(() => rmSync(this.folder, { recursive: true, force: true }));
    for (const method of ['log', 'error'] as const) {
      t.mock.method(console, method, (text: string) => this.said.push(text));
    }
  }

  command(name: string, script: string): string {
    const path = join(this.folder, name);
    writeFileSync(path, `#!/bin/sh\n${script}\n`, { mode: 0o755 });
    return path;
  }

  /** Lends it an apt-get that notes how it was called and installs the command, or fails. */
  withAptGet(installs: string | null): this {
    const install =
      installs === null
        ? 'echo no such package; exit 100'
        : `case "$*" in *install*) : > ${installs}; chmod +x ${installs}; esac`;
    this.aptGet = this.command('apt-get', `cd ${this.folder}\necho "$DEBIAN_FRONTEND $*" >> calls\n${install}`);
    return this;
  }

  get calls(): string[] {
    return readFileSync(join(this.folder, 'calls'), 'utf8').trim().split('\n');
  }
}

test('any of the proofs shows that a peer is there', (t) => {
  const machine = new FakeMachine(t, ['first-browser']);
  assert.equal(findPeer(FIRST, machine), join(machine.folder, 'first-browser'));
  assert.equal(findPeer(SECOND, machine), null);
});

test('a file proves a peer as a command does', (t) => {
  const machine = new FakeMachine(t, []);
  const file = join(machine.folder, 'module.so');
  const module: Peer = { name: 'module', for: 'bench', proof: [file], apt: 'module' };
  assert.equal(findPeer(module, machine), null);
  writeFileSync(file, '');
  assert.equal(findPeer(module, machine), file);
});

test('a file that is not executable is not a command', (t) => {
  const machine = new FakeMachine(t, []);
  writeFileSync(join(machine.folder, 'second'), '', { mode: 0o644 });
  assert.equal(findPeer(SECOND, machine), null);
});

test('peers that are all there need nothing', (t) => {
  const machine = new FakeMachine(t, ['first', 'second'], true).withAptGet('second');
  assert.equal(ensurePeers([FIRST, SECOND], machine), true);
  assert.deepEqual(machine.said, ['peers: first, second found']);
  assert.equal(existsSync(join(machine.folder, 'calls')), false);
});

test('missing peers are installed together if that is allowed', (t) => {
  const machine = new FakeMachine(t, ['first'], true).withAptGet('second');
  assert.equal(ensurePeers([FIRST, SECOND], machine), true);
  assert.deepEqual(machine.said, ['peers: apt-get installs second', 'peers: first, second found']);
  assert.deepEqual(machine.calls, [
    'noninteractive -o DPkg::Lock::Timeout=120 update',
    'noninteractive -o DPkg::Lock::Timeout=120 install --yes --no-install-recommends second',
  ]);
});

test('outside CI a missing peer is named with the command that installs it, and the rest continues', (t) => {
  const machine = new FakeMachine(t, []);
  assert.equal(ensurePeers([FIRST, SECOND], machine), true);
  assert.deepEqual(machine.said, [
    'peers: first, second not found, what needs them is skipped; to install: ' +
      'sudo apt-get install --no-install-recommends first-nox second',
  ]);
});

test('in CI a peer that cannot be installed is a failure, after the output of apt-get', (t) => {
  const machine = new FakeMachine(t, [], true).withAptGet(null);
  assert.equal(ensurePeers([SECOND], machine), false);
  assert.deepEqual(machine.said, [
    'peers: apt-get installs second',
    'no such package\nfailed: apt-get update',
    'peers: second not found, nothing may be skipped in CI; to install: sudo apt-get install --no-install-recommends second',
  ]);
});

test('a test that requires a peer gets its path', (t) => {
  const machine = new FakeMachine(t, ['curl']);
  assert.equal(peer('curl', machine), join(machine.folder, 'curl'));
  assert.equal(requirePeer({ skip: () => assert.fail() }, 'curl', machine), join(machine.folder, 'curl'));
});

test('a test that requires a missing peer is skipped visibly outside CI', (t) => {
  const skips: unknown[] = [];
  assert.equal(requirePeer({ skip: (message) => skips.push(message) }, 'curl', new FakeMachine(t, [])), null);
  assert.deepEqual(skips, ['curl is missing; to install: sudo apt-get install --no-install-recommends curl']);
});

test('a test that requires a missing peer fails in CI', (t) => {
  const machine = new FakeMachine(t, [], true);
  assert.throws(
    () => requirePeer({ skip: () => assert.fail() }, 'curl', machine),
    /curl is missing; to install: sudo apt-get/,
  );
});

test('an unlisted peer is an error of the test', () => {
  assert.throws(() => peer('unheard-of'), /test\/peers\.json lists no peer unheard-of/);
});

test('every listed peer has a use, a proof and a package', () => {
  const listed = [...peersFor('test'), ...peersFor('bench')];
  assert.ok(listed.length > 0);
  for (const { name, proof, apt } of listed) {
    assert.equal(peerNamed(name).apt, apt);
    assert.ok(apt.length > 0 && proof.length > 0, name);
  }
  const all: unknown[] = JSON.parse(readFileSync(new URL('../../peers.json', import.meta.url), 'utf8'));
  assert.equal(listed.length, all.length);
});
