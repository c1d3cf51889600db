import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import type { OldSide } from '../../../src/app/upgrade/hand-over.ts';
import { UpgradeError } from '../../../src/app/upgrade/started-process.ts';
import type { ToNewProcess } from '../../../src/app/upgrade/upgrade-channel.ts';
import { Upgrader, type UpgraderOptions } from '../../../src/app/upgrade/upgrader.ts';
import { FakeLog } from '../../support/fake-log.ts';

const CHILD = fileURLToPath(new URL('../../support/upgrade-child.mjs', import.meta.url));

const FAILED = 'upgrade failed: the new process did not take over, this one goes on';

/** Gives one batch over. */
class BatchSide implements OldSide {
  readonly calls: string[] = [];
  #onTaken: () => void = () => {};

  async lead(): Promise<void> {
    this.calls.push('lead');
  }

  async giveOver(channel: ToNewProcess): Promise<void> {
    this.calls.push('giveOver');
    channel.send({ kind: 'batch', batch: 1, clients: [], lastIds: [] });
    await new Promise<void>((resolve) => {
      this.#onTaken = resolve;
    });
  }

  onMessage(message: unknown): void {
    this.calls.push((message as { kind: string }).kind);
    this.#onTaken();
  }

  takeBack(): void {
    this.calls.push('takeBack');
  }

  finish(): void {
    this.calls.push('finish');
  }
}

/** An upgrade whose new process takes so many steps, and then does what `then` says. */
class Rig {
  readonly log = new FakeLog(false);
  readonly side = new BatchSide();
  readonly states: boolean[] = [];
  readonly over: Promise<'done' | 'given up'>;
  readonly upgrader: Upgrader;
  #done = 0;

  constructor(t: TestContext, steps: number, then: string, more: Partial<UpgraderOptions> = {}) {
    let settle: (how: 'done' | 'given up') => void = () => {};
    this.over = new Promise((resolve) => {
      settle = resolve;
    });
    this.upgrader = new Upgrader({
      log: this.log,
      counters: { faults: 0 },
      sides: [this.side],
      hindrance: () => null,
      onState: (upgrading) => {
        this.states.push(upgrading);
        if (!upgrading) settle('given up');
      },
      onDone: () => {
        this.#done++;
        settle('done');
      },
      program: [CHILD, String(steps), then],
      ...more,
    });
    t.after(() => this.upgrader.cancel());
  }

  /** The reason why the upgrade was given up, which the log has too. */
  async failure(): Promise<string> {
    assert.equal(await this.over, 'given up');
    assert.equal(this.#done, 0);
    assert.deepEqual(this.states, [true, false]);
    assert.equal(this.side.calls.at(-1), 'takeBack');
    assert.equal(this.upgrader.running, false);
    return String(this.log.of(FAILED)[0]?.reason);
  }
}

for (const [steps, phase] of [
  [0, 'before it has read its configuration'],
  [1, 'before it accepts'],
] as const) {
  for (const [then, reason] of [
    ['exits', 'it ended with exit code 3'],
    ['dies', 'it was ended by SIGKILL'],
    ['fails', 'no such key'],
  ] as const) {
    test(`a new process that ${then} ${phase} leaves the old one as it was`, async (t) => {
      const rig = new Rig(t, steps, then);
      await assert.rejects(rig.upgrader.upgrade(), (error: Error) => {
        assert.ok(error instanceof UpgradeError);
        assert.equal(error.message, reason);
        return true;
      });
      assert.equal(await rig.failure(), reason);
    });
  }

  test(`a new process that hangs ${phase} is ended`, async (t) => {
    const rig = new Rig(t, steps, 'waits', { times: { load: 1_000, start: 1_000, give: 1_000 } });
    await assert.rejects(rig.upgrader.upgrade(), /^UpgradeError: it makes no progress for 1 s$/);
    assert.equal(await rig.failure(), 'it makes no progress for 1 s');
  });
}

for (const [then, reason] of [
  ['exits', 'it ended with exit code 3'],
  ['dies', 'it was ended by SIGKILL'],
  ['waits', 'it makes no progress for 1 s'],
] as const) {
  test(`what is given over is taken back when the new process ${then} meanwhile`, async (t) => {
    const rig = new Rig(t, 2, then, { times: { load: 30_000, start: 30_000, give: 1_000 } });
    assert.ok((await rig.upgrader.upgrade()) > 0);
    assert.equal(await rig.failure(), reason);
    assert.deepEqual(rig.side.calls, ['lead', 'giveOver', 'takeBack']);
  });
}

test('the new process has taken over once all is given over', async (t) => {
  const rig = new Rig(t, 3, 'waits');
  await rig.upgrader.upgrade();
  assert.equal(await rig.over, 'done');
  assert.deepEqual(rig.side.calls, ['lead', 'giveOver', 'taken', 'finish']);
});

test('an upgrade is refused while another one is under way', async (t) => {
  const rig = new Rig(t, 3, 'waits');
  const first = rig.upgrader.upgrade();
  await assert.rejects(rig.upgrader.upgrade(), /an upgrade is under way/);
  await first;
  assert.equal(await rig.over, 'done');
});

test('the first process of a container cannot be replaced', async (t) => {
  const rig = new Rig(t, 3, 'waits', { pid: 1 });
  await assert.rejects(rig.upgrader.upgrade(), /this process is the first one of its container/);
  assert.deepEqual(rig.states, []);
  assert.match(String(rig.log.of('upgrade refused')[0]?.reason), /first one of its container/);
});

test('a program that is not there is a failure', async (t) => {
  const rig = new Rig(t, 0, '', { program: ['/no/such/program.mjs'] });
  await assert.rejects(rig.upgrader.upgrade(), /it ended with exit code 1/);
  assert.equal(await rig.failure(), 'it ended with exit code 1');
});
