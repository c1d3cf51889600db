import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultConfig, loadConfig, mergeCommandLine } from '../../../src/config/index.ts';

/** What is wrong with a file with these listen addresses. */
function problem(server: string, control: string, edge = '[]'): string {
  const text = `[server]\nlisten = ${server}\n[control]\nlisten = ${control}\n[edge]\nlisten = ${edge}\n`;
  try {
    loadConfig(text, 'a.toml');
    return '';
  } catch (error) {
    return (error as Error).message;
  }
}

for (const [server, control, edge] of [
  ['["5561"]', '["127.0.0.1:5561"]', '[]'],
  ['["localhost:1"]', '["127.0.0.1:1"]', '[]'],
  ['["[::1]:1"]', '["[0:0::1]:1"]', '[]'],
  ['["[::]:1"]', '["127.0.0.1:1"]', '[]'],
  ['["unix:/tmp/a"]', '["unix:/tmp/a?mode=600"]', '[]'],
  ['["1", "2", "127.0.0.1:1"]', '[]', '[]'],
  ['["127.0.0.1:1"]', '[]', '["1"]'],
  ['[]', '[]', '["1", "127.0.0.1:1,req"]'],
] as const) {
  test(`${server}, ${control} and ${edge} cannot all be listened on`, () => {
    assert.match(
      problem(server, control, edge),
      /^a\.toml:\d+: (server|control|edge)\.listen\[\d\]: .* is already used by /,
    );
  });
}

for (const [server, control, edge] of [
  ['["0", "0"]', '["0"]', '[]'],
  ['["1"]', '["2"]', '[]'],
  ['["127.0.0.1:1"]', '["127.0.0.2:1", "[::1]:1"]', '[]'],
  ['["unix:/tmp/a"]', '["unix:/tmp/b"]', '[]'],
  ['["[::1]:1"]', '[]', '["1"]'],
] as const) {
  test(`${server}, ${control} and ${edge} can all be listened on`, () => {
    assert.equal(problem(server, control, edge), '');
  });
}

test('a collision with a default has the line of the other address', () => {
  assert.throws(() => loadConfig('[server]\nlisten = [\n"5561"]', 'a.toml'), {
    message:
      'a.toml:3: control.listen[0]: 127.0.0.1:5561 is already used by server.listen[0] (5561): choose another port',
  });
  assert.throws(
    () => loadConfig('[edge]\nlisten = ["7999"]\n', 'a.toml'),
    /^ConfigError: a\.toml:2: edge\.listen\[0\]: /,
  );
});

test('--port may not be the port of the control endpoint', () => {
  assert.throws(
    () => mergeCommandLine(defaultConfig(), { port: ['5561'], routes: ['* localhost:1'] }),
    /^ConfigError: control\.listen\[0\]: 127\.0\.0\.1:5561 is already used by --port \(5561\): choose another port$/,
  );
});

for (const [text, message] of [
  [
    '[stats]\nprometheus = ["5561"]',
    'a.toml:2: stats.prometheus[0]: 5561 is already used by control.listen[0] (127.0.0.1:5561)',
  ],
  [
    '[publish]\npull = ["tcp://*:7999"]',
    'a.toml:2: publish.pull[0]: tcp://*:7999 is already used by server.listen[0] (7999)',
  ],
  [
    '[publish]\npull = ["tcp://127.0.0.1:1"]\ncommand = ["tcp://localhost:1"]',
    'a.toml:3: publish.command[0]: tcp://localhost:1 is already used by publish.pull[0] (tcp://127.0.0.1:1)',
  ],
  [
    '[publish]\npull = ["ipc:///tmp/a"]\nsub = ["ipc:///tmp/a"]',
    'a.toml:3: publish.sub[0]: ipc:///tmp/a is already used by publish.pull[0] (ipc:///tmp/a)',
  ],
  [
    '[server]\nzhttp = ["tcp://127.0.0.1:5560"]\nzhttp_bind = true',
    'a.toml:2: control.listen[0]: 127.0.0.1:5561 is already used by server.zhttp[0] (tcp://127.0.0.1:5561)',
  ],
] as const) {
  test(`${text.replaceAll('\n', ' ')} collides`, () => {
    assert.throws(() => loadConfig(text, 'a.toml'), { message: `${message}: choose another port` });
  });
}

for (const text of [
  '[publish]\npull = ["tcp://127.0.0.1:1"]\nsub = ["tcp://127.0.0.1:1"]\nsub_connect = true',
  '[publish]\npull = ["tcp://127.0.0.1:1"]\nsub = ["tcp://[::1]:1"]',
  '[publish]\npull = ["tcp://127.0.0.1:0"]\nsub = ["tcp://127.0.0.1:0"]',
]) {
  test(`${text.replaceAll('\n', ' ')} does not collide`, () => {
    loadConfig(text, 'a.toml');
  });
}
