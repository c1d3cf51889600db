import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { Project, type Ran } from './project.ts';

function check(t: TestContext, files: Readonly<Record<string, string>>): Promise<Ran> {
  return new Project(t, files).run(['scripts/check-imports.mjs']);
}

/** What every house below is built on: one file a room, without imports. */
const ROOMS = Object.fromEntries(
  ['codec/http1', 'codec/fields', 'exchange', 'net', 'config', 'server', 'client', 'hub', 'proxy', 'app', 'cli'].map(
    (room) => [`src/${room}/index.ts`, 'export const x = 1;\n'],
  ),
);

async function refuses(t: TestContext, files: Readonly<Record<string, string>>, message: string): Promise<void> {
  assert.deepEqual(await check(t, { ...ROOMS, ...files }), { code: 1, output: `${message}\n` });
}

test('valid imports pass', async (t) => {
  const files = {
    ...ROOMS,
    'src/codec/http1/reader.ts': "import { x } from '../fields/index.ts';\nexport const y = x;\n",
    'src/net/listen.ts':
      "import net from 'node:net';\nimport { x } from '../exchange/index.ts';\nexport const y = [net, x];\n",
    'src/config/schema.ts':
      "import { z } from 'zod';\nimport { x } from '../exchange/index.ts';\nexport const y = [z, x];\n",
    'src/config/toml.ts': "import { parse } from 'smol-toml';\nexport const toml = parse;\n",
    'src/codec/grip/index.ts': "export * from './signature.ts';\n",
    'src/codec/grip/signature.ts': "import { jwtVerify } from 'jose';\nexport const y = jwtVerify;\n",
    'src/server/deep/http1.ts':
      "import { x } from '../../codec/http1/index.ts';\nimport { y } from '../own.ts';\nexport const z = [x, y];\n",
    'src/server/own.ts': 'export const y = 1;\n',
    'src/app/log.ts': "import pino from 'pino/file';\nexport const log = pino;\n",
    'src/cli/main.ts':
      "import { Command } from 'commander';\nconst { x } = await import('../app/index.ts');\nexport const y = [Command, x];\n",
  };
  assert.deepEqual(await check(t, files), { code: 0, output: '21 files import only what they may.\n' });
});

test('a lower floor may not import a higher one', async (t) => {
  await refuses(
    t,
    { 'src/hub/holds.ts': "import { x } from '../proxy/index.ts';\n" },
    'src/hub/holds.ts imports src/proxy/index.ts: first floor may not import second floor',
  );
});

test('neighbours on one floor may not import each other', async (t) => {
  await refuses(
    t,
    { 'src/server/a.ts': "import { x } from '../client/index.ts';\n" },
    'src/server/a.ts imports src/client/index.ts: server and client are neighbours on the first floor',
  );
});

test('the codecs import nothing else, not even the exchange', async (t) => {
  await refuses(
    t,
    { 'src/codec/http1/a.ts': "import { x } from '../../exchange/index.ts';\n" },
    'src/codec/http1/a.ts imports src/exchange/index.ts: codec and exchange are neighbours on the ground floor',
  );
});

test('another room is imported through its index.ts', async (t) => {
  await refuses(
    t,
    { 'src/net/dial.ts': 'export const d = 1;\n', 'src/client/a.ts': "import { d } from '../net/dial.ts';\n" },
    'src/client/a.ts imports src/net/dial.ts: net is imported through its index.ts only',
  );
});

test('the index.ts of a folder inside another room is not that of the room', async (t) => {
  await refuses(
    t,
    {
      'src/net/guard/index.ts': 'export const d = 1;\n',
      'src/client/a.ts': "import { d } from '../net/guard/index.ts';\n",
    },
    'src/client/a.ts imports src/net/guard/index.ts: net is imported through its index.ts only',
  );
});

test('one codec imports another through its index.ts', async (t) => {
  await refuses(
    t,
    {
      'src/codec/fields/fields.ts': 'export const f = 1;\n',
      'src/codec/http1/a.ts': "import { f } from '../fields/fields.ts';\n",
    },
    'src/codec/http1/a.ts imports src/codec/fields/fields.ts: codec/fields is imported through its index.ts only',
  );
});

test('imports of types alone count', async (t) => {
  await refuses(
    t,
    { 'src/net/a.ts': "import type {\n  X,\n  Y,\n} from '../hub/index.ts';\n" },
    'src/net/a.ts imports src/hub/index.ts: ground floor may not import first floor',
  );
});

test('a type named by import() counts', async (t) => {
  await refuses(
    t,
    { 'src/net/a.ts': "export type X = import('../hub/index.ts').X;\n" },
    'src/net/a.ts imports src/hub/index.ts: ground floor may not import first floor',
  );
});

test('re-exports, imports for effect and dynamic imports count', async (t) => {
  const wrongs = ['app', 'proxy', 'cli'].map(
    (room, i) =>
      `src/server/a.ts imports src/${room}/index.ts: first floor may not import ${['third', 'second', 'fourth'][i]} floor`,
  );
  const code = "export * from '../app/index.ts';\nimport '../proxy/index.ts';\nawait import('../cli/index.ts');\n";
  await refuses(t, { 'src/server/a.ts': code }, wrongs.join('\n'));
});

test('a dynamic import of a computed name is refused', async (t) => {
  await refuses(
    t,
    { 'src/cli/a.ts': 'export const load = (name: string) => import(name);\n' },
    'src/cli/a.ts imports (name): only a literal can be checked',
  );
});

test('a circle of two files is refused', async (t) => {
  await refuses(
    t,
    { 'src/net/a.ts': "import './b.ts';\n", 'src/net/b.ts': "import type { A } from './a.ts';\n" },
    'src/net/a.ts -> src/net/b.ts -> src/net/a.ts: a circle of imports',
  );
});

test('a circle through the own index.ts is refused', async (t) => {
  await refuses(
    t,
    { 'src/net/index.ts': "export { d } from './dial.ts';\n", 'src/net/dial.ts': "import { d } from './index.ts';\n" },
    'src/net/dial.ts -> src/net/index.ts -> src/net/dial.ts: a circle of imports',
  );
});

test('a package outside its room is refused', async (t) => {
  await refuses(
    t,
    { 'src/hub/a.ts': "import pino from 'pino';\n", 'src/codec/http1/b.ts': "import { SignJWT } from 'jose';\n" },
    'src/codec/http1/b.ts imports jose: jose belongs in codec/grip only\n' +
      'src/hub/a.ts imports pino: pino belongs in app only',
  );
});

test('a package that has no room is refused', async (t) => {
  await refuses(
    t,
    { 'src/proxy/a.ts': "import { request } from 'undici';\nimport '@fanoutio/grip/node';\n" },
    'src/proxy/a.ts imports undici: this package belongs nowhere in src\n' +
      'src/proxy/a.ts imports @fanoutio/grip/node: this package belongs nowhere in src',
  );
});

test('a file outside of the rooms is refused', async (t) => {
  await refuses(
    t,
    { 'src/util/a.ts': '', 'src/main.ts': '', 'src/codec/b.ts': '' },
    'src/codec/b.ts is in no room of the house\n' +
      'src/main.ts is in no room of the house\n' +
      'src/util/a.ts is in no room of the house',
  );
});

test('an import that names no source file is refused', async (t) => {
  await refuses(
    t,
    { 'src/hub/a.ts': "import { x } from './b.js';\nimport { y } from '../../test/support/peers.ts';\n" },
    'src/hub/a.ts imports src/hub/b.js: there is no such file in src\n' +
      'src/hub/a.ts imports test/support/peers.ts: there is no such file in src',
  );
});

test('code in comments and strings is not an import', async (t) => {
  const code = [
    "// import { a } from '../app/index.ts';",
    '/**',
    " * import { b } from '../app/index.ts';",
    '   */',
    'export const help = \'write: import { x } from "../app/index.ts"\';',
    "export const from = 'undici';",
    '',
  ].join('\n');
  assert.equal((await check(t, { ...ROOMS, 'src/net/a.ts': code })).code, 0);
});

test('two files of one name are refused, in whatever rooms', async (t) => {
  await refuses(
    t,
    { 'src/codec/http1/guard.ts': 'export const x = 1;\n', 'src/net/guard/guard.ts': 'export const x = 2;\n' },
    'src/net/guard/guard.ts has the name of src/codec/http1/guard.ts',
  );
});
