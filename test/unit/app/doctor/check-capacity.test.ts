import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkCapacity, type ReadNumbers } from '../../../../src/app/doctor/check-capacity.ts';
import { configOf } from '../../../support/running-app.ts';

const config = configOf(['* localhost:1'], { server: { maxConnections: 20_000 } });

const kernel =
  (settings: Readonly<Record<string, readonly number[]>>): ReadNumbers =>
  (path) =>
    settings[path.replace('/proc/sys/', '')] ?? null;

const GOOD = {
  'fs/file-max': [9_000_000],
  'fs/nr_open': [1_048_576],
  'net/core/somaxconn': [4_096],
  'net/ipv4/tcp_mem': [1, 2, 100_000],
  'net/ipv4/ip_local_port_range': [1_024, 65_535],
  'net/netfilter/nf_conntrack_max': [262_144],
};

const states = (settings: Readonly<Record<string, readonly number[]>>, openFiles: number | null = 50_000) =>
  Object.fromEntries(
    checkCapacity(config, [], kernel(settings), openFiles).map(({ subject, status }) => [subject, status]),
  );

test('A host with room for the connections of the configuration is ok, also where a setting does not exist', () => {
  assert.deepEqual(new Set(Object.values(states(GOOD))), new Set(['ok']));
  assert.deepEqual(states({}, null), {});
});

for (const [path, values] of Object.entries({
  'fs/file-max': [20_000],
  'fs/nr_open': [20_000],
  'net/core/somaxconn': [128],
  'net/ipv4/tcp_mem': [1, 2, 30_000],
  'net/ipv4/ip_local_port_range': [32_768, 40_000],
  'net/netfilter/nf_conntrack_max': [39_999],
})) {
  test(`Too small a value of ${path} is a warning that says how to raise it`, () => {
    const name = path.replaceAll('/', '.');
    const found = checkCapacity(config, [], kernel({ ...GOOD, [path]: values }), 50_000);
    const warned = found.filter(({ status }) => status !== 'ok');
    assert.deepEqual(
      warned.map(({ subject, status }) => [subject, status]),
      [[name, 'warn']],
    );
    assert.match(warned[0]?.advice ?? '', new RegExp(`^sysctl -w ${name}="`));
  });
}

test('An open-file limit below the connections is a warning with the limit to set', () => {
  const [found] = checkCapacity(config, [], kernel({}), 20_050);
  assert.equal(found?.status, 'warn');
  assert.match(found?.advice ?? '', /LimitNOFILE=20100/);
});
