// `npm run imports`: fails if a source file imports what the house does not allow, imports itself in a circle, or has the name of another one.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The rooms by floor, from the ground up. A room imports from lower floors only, and only another room's index.ts. */
const HOUSE = [
  ['ground floor', ['codec', 'clock', 'exchange', 'net', 'config', 'plain-http', 'history']],
  ['first floor', ['server', 'client', 'zmq', 'hub', 'sockjs', 'files', 'resume']],
  ['mezzanine', ['zhttp']],
  [
    'second floor',
    [
      'fetch',
      'cluster',
      'zhttp-client',
      'zhttp-server',
      'proxy',
      'control',
      'zmq-publish',
      'stats',
      'trace',
      'webhooks',
      'sessions',
      'hub-relay',
      'mongrel2',
      'mongrel2-handler',
      'acme',
      'publish-client',
      'grip-origin',
    ],
  ],
  ['third floor', ['app']],
  ['fourth floor', ['cli']],
];

/** Neighbours that may be imported after all. */
const NEIGHBOURS = {
  exchange: ['clock'],
  net: ['clock', 'exchange', 'codec'],
  config: ['exchange', 'net', 'codec'],
  history: ['clock', 'exchange', 'codec'],
};

/** Where each npm package does its one job. Any other package belongs nowhere in src. */
const PACKAGES = {
  zod: ['config', 'control'],
  'smol-toml': ['config'],
  jose: ['codec/grip'],
  pino: ['app'],
  'fast-json-patch': ['app'],
  commander: ['cli'],
  'acme-client': ['acme'],
  '@nats-io/transport-node': ['cluster'],
  '@nats-io/jetstream': ['cluster'],
  '@nats-io/kv': ['cluster'],
};

const ROOT = fileURLToPath(new URL('..', import.meta.url));

// Import statements stand at the beginning of a line, where the formatter puts them: so texts that hold code are not misread.
const COMMENT = /^[ \t]*(?:\/\/.*|\/\*[\s\S]*?\*\/)/gm;
const STATIC_IMPORT = /^[ \t]*(?:import|export)\b(?:[^'"`;=()]*?\bfrom)?\s*(['"])([^'"\n]+)\1/gm;
const DYNAMIC_IMPORT = /(?<![.\w])import\(\s*([^)]*?)\s*\)/g;
const LITERAL = /^(['"])([^'"]+)\1$/;

const files = readdirSync(join(ROOT, 'src'), { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => join('src', name))
  .sort();
const imports = new Map(files.map((file) => [file, importsOf(file)]));
const wrongs = [...files.flatMap(wrongsOf), ...repeats(), ...cycles()];

if (wrongs.length > 0) {
  console.error(wrongs.join('\n'));
  process.exitCode = 1;
} else {
  console.log(`${files.length} files import only what they may.`);
}

/** What a file imports: other files, as paths from the root, and packages, as they are written. */
function importsOf(file) {
  const code = readFileSync(join(ROOT, file), 'utf8').replace(COMMENT, '');
  const specifiers = [
    ...[...code.matchAll(STATIC_IMPORT)].map((match) => match[2]),
    ...[...code.matchAll(DYNAMIC_IMPORT)].map((match) => LITERAL.exec(match[1])?.[2] ?? `(${match[1]})`),
  ];
  const relative = specifiers.filter((specifier) => specifier.startsWith('.'));
  return {
    files: new Set(relative.map((specifier) => normalize(join(dirname(file), specifier)))),
    packages: new Set(specifiers.filter((specifier) => !relative.includes(specifier))),
  };
}

/** Files that have the name of an earlier one: a name says what a file holds, in whatever room. */
function repeats() {
  const firsts = new Map([['index.ts', '']]);
  return files.flatMap((file) => {
    const name = basename(file);
    const first = firsts.get(name);
    if (first === undefined) firsts.set(name, file);
    return first ? [`${file} has the name of ${first}`] : [];
  });
}

function wrongsOf(file) {
  if (roomOf(file) === null) return [`${file} is in no room of the house`];
  const { files, packages } = imports.get(file);
  return [
    ...[...files].map((target) => [target, wrongFile(file, target)]),
    ...[...packages].map((name) => [name, wrongPackage(file, name)]),
  ].flatMap(([target, wrong]) => (wrong === null ? [] : [`${file} imports ${target}: ${wrong}`]));
}

function wrongFile(file, target) {
  if (!imports.has(target)) return 'there is no such file in src';
  const from = roomOf(file);
  const to = roomOf(target);
  if (to === null) return 'it is in no room of the house';
  if (from === to) return null;
  const [fromTop, toTop] = [topOf(from), topOf(to)];
  if (fromTop !== toTop && !NEIGHBOURS[fromTop]?.includes(toTop)) {
    const [fromFloor, toFloor] = [floorOf(fromTop), floorOf(toTop)];
    if (fromFloor === toFloor) return `${fromTop} and ${toTop} are neighbours on the ${HOUSE[fromFloor][0]}`;
    if (fromFloor < toFloor) return `${HOUSE[fromFloor][0]} may not import ${HOUSE[toFloor][0]}`;
  }
  return target === join('src', to, 'index.ts') ? null : `${to} is imported through its index.ts only`;
}

function wrongPackage(file, specifier) {
  if (specifier.startsWith('node:')) return null;
  if (specifier.startsWith('(')) return 'only a literal can be checked';
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const rooms = Object.hasOwn(PACKAGES, name) ? PACKAGES[name] : [];
  const room = roomOf(file);
  if (rooms.includes(room)) return null;
  return rooms.length === 0 ? 'this package belongs nowhere in src' : `${name} belongs in ${rooms.join(' and ')} only`;
}

/** Every import that leads back to a file from which it was reached. Imports of types alone count too. */
function cycles() {
  const found = [];
  const done = new Set();
  const walk = (file, way) => {
    const start = way.indexOf(file);
    if (start >= 0) found.push(`${[...way.slice(start), file].join(' -> ')}: a circle of imports`);
    if (start >= 0 || done.has(file)) return;
    for (const target of imports.get(file).files) if (imports.has(target)) walk(target, [...way, file]);
    done.add(file);
  };
  for (const file of files) walk(file, []);
  return found;
}

/** `hub` for src/hub/a/b.ts, `codec/http1` for src/codec/http1/a.ts, null for what lies outside the rooms. */
function roomOf(file) {
  const parts = file.split('/').slice(1, -1);
  if (parts[0] === 'codec') return parts.length > 1 ? `codec/${parts[1]}` : null;
  return parts.length > 0 && floorOf(parts[0]) >= 0 ? parts[0] : null;
}

function topOf(room) {
  return room.split('/')[0];
}

function floorOf(topRoom) {
  return HOUSE.findIndex(([, rooms]) => rooms.includes(topRoom));
}
