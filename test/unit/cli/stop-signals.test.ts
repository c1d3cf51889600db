import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StopSignals } from '../../../src/cli/stop-signals.ts';

/** Signals with a clock that stands still until it is set, and a stop that ends when it is told to. */
class Rig {
  now = 1000;
  readonly events: string[] = [];
  stopped: () => void = () => {};
  readonly signals = new StopSignals({
    stop: (signal) => {
      this.events.push(`stop ${signal}`);
      return new Promise((resolve) => {
        this.stopped = resolve;
      });
    },
    exit: (code) => this.events.push(`exit ${code}`),
    now: () => this.now,
  });
}

test('the first signal stops in an orderly way, and the process exits with 0 after that', async () => {
  const rig = new Rig();
  rig.signals.receive('SIGTERM');
  assert.deepEqual(rig.events, ['stop SIGTERM']);
  rig.stopped();
  await Promise.resolve();
  assert.deepEqual(rig.events, ['stop SIGTERM', 'exit 0']);
});

test('a second signal exits at once with 1', () => {
  const rig = new Rig();
  rig.signals.receive('SIGINT');
  rig.now += 500;
  rig.signals.receive('SIGTERM');
  assert.deepEqual(rig.events, ['stop SIGINT', 'exit 1']);
});

test("signals within half a second count as one, as when npm repeats the terminal's", () => {
  const rig = new Rig();
  rig.signals.receive('SIGINT');
  rig.now += 499;
  rig.signals.receive('SIGINT');
  assert.deepEqual(rig.events, ['stop SIGINT']);
});
