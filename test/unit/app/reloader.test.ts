import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ConfigSource, type LoadedConfig, ReloadError } from '../../../src/app/config-source.ts';
import type { LiveConfig } from '../../../src/app/live-config.ts';
import { Reloader } from '../../../src/app/reloader.ts';
import { newConfigurationState } from '../../../src/app/status-of.ts';
import { FakeLog } from '../../support/fake-log.ts';
import { configOf } from '../../support/running-app.ts';

/** A reloader whose reads end when the test says so. */
function rig() {
  const reads: { what: string; end: (error?: Error) => void }[] = [];
  const done: string[] = [];
  const loaded = { config: configOf([]), file: null, overlay: null, fromFile: 0, fromRoutesFile: 0, ignored: [] };
  const source: ConfigSource = {
    read: (what) =>
      new Promise<LoadedConfig>((resolve, reject) => {
        reads.push({ what, end: (error) => (error === undefined ? resolve(loaded) : reject(error)) });
      }),
  };
  const prepared = { changed: [], needsRestart: ['a.b'], commit: () => done.push('commit'), discard: () => {} };
  const live = { prepare: async () => prepared } as unknown as LiveConfig;
  const [log, state] = [new FakeLog(), newConfigurationState()];
  const reloader = new Reloader({ live, source, state, onLoaded: () => done.push('loaded'), log });
  return { reloader, reads, done, log, state };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

test('reloads that are asked for while one runs are one more', async () => {
  const { reloader, reads, done, state } = rig();
  const first = reloader.reload('SIGHUP');
  await turn();
  const others = Array.from({ length: 100 }, () => reloader.reload('SIGHUP'));
  reads[0]?.end();
  await first;
  await turn();
  assert.equal(reads.length, 2);
  reads[1]?.end();
  await Promise.all(others);
  assert.equal(reads.length, 2);
  assert.deepEqual(done, ['commit', 'loaded', 'commit', 'loaded']);
  assert.equal(state.reloads, 2);
});

test('who asks for everything while a reload of the routes waits gets everything', async () => {
  const { reloader, reads } = rig();
  const running = reloader.reload('SIGHUP');
  await turn();
  const routes = reloader.reload('routes_file', 'routes');
  const all = reloader.reload('SIGHUP');
  assert.notEqual(routes, all);
  for (let i = 0; i < 3; i++) {
    reads[i]?.end();
    await turn();
  }
  await Promise.all([running, routes, all]);
  assert.deepEqual(
    reads.map(({ what }) => what),
    ['all', 'routes', 'all'],
  );
});

test('what cannot be read is told to whoever asked and to the log, and the next reload goes on', async () => {
  const { reloader, reads, done, log, state } = rig();
  const failing = reloader.reload('control');
  await turn();
  const issues = [{ file: 'a', line: 1, key: 'b', message: 'c' }];
  reads[0]?.end(new ReloadError('a:1: b: c', issues));
  await assert.rejects(failing, { message: 'a:1: b: c', issues });
  assert.deepEqual(log.of('configuration not reloaded'), [{ by: 'control', reason: 'a:1: b: c' }]);
  assert.equal(state.lastError, 'a:1: b: c');
  assert.deepEqual(done, []);
  const next = reloader.reload('SIGHUP');
  await turn();
  reads[1]?.end();
  assert.deepEqual((await next).needsRestart, ['a.b']);
  assert.equal(state.lastError, null);
  assert.deepEqual(log.of('changed in the configuration, and needs a restart'), [{ keys: ['a.b'] }]);
});
