// The second half of `npm run build`: writes the JavaScript of `dist`, one file for each room of `src` and for each npm package, because
// Node takes twice as long to load a file for each module. Nothing is minified, so a stack trace names the room and the function.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('..', import.meta.url));
const SRC = join(ROOT, 'src/');
const DIST = join(ROOT, 'dist');

/** What the server needs to run. What only these import statically has files by room; all else is loaded when it is asked for. */
const PROGRAM = ['cli/main', 'cli/run'];

/** How a source names a file beside it that it starts as a process or a thread. */
const STARTED = /new URL\(\s*[`'"]\.\/([\w-]+)(?:\$\{extname\(|\.ts['"])/g;

const modules = readdirSync(SRC, { recursive: true })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => name.slice(0, -3))
  .sort();
const entries = [...new Set([...exported(), ...PROGRAM.slice(0, 1).filter(isModule), ...modules.flatMap(startedBy)])];
/** What is always needed, once it is known. */
let eager = null;

if (entries.length > 0) await bundle();

async function bundle() {
  const { rolldown } = await import('rolldown');
  const build = await rolldown({
    cwd: ROOT,
    input: Object.fromEntries(entries.map((name) => [name, join(SRC, `${name}.ts`)])),
    platform: 'node',
    tsconfig: false,
    preserveEntrySignatures: 'allow-extension',
    plugins: [{ name: 'own-url', transform: withOwnUrl }],
    onLog: (level, log) => {
      if (level === 'warn') throw new Error(log.message);
    },
  });
  const { output } = await build.write({
    dir: DIST,
    format: 'esm',
    entryFileNames: '[name].js',
    chunkFileNames: ({ name }) => (name.includes('/') ? `${name}.js` : `parts/${name}.js`),
    minifyInternalExports: false,
    comments: false,
    codeSplitting: {
      includeDependenciesRecursively: false,
      groups: [{ debugName: 'rooms', name: fileOf }],
    },
  });
  await build.close();
  for (const chunk of output) checkChunk(chunk, output);
  writeFileSync(join(DIST, 'LICENSES'), licences(output));
}

/** The modules that package.json exports. */
function exported() {
  const { exports = {} } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return Object.values(exports).flatMap((target) => {
    const name = /^\.\/dist\/(.*)\.js$/.exec(target.default ?? target)?.[1];
    return name === undefined ? [] : [name];
  });
}

/** The modules that this one starts as processes or threads. */
function startedBy(module) {
  const code = readFileSync(join(SRC, `${module}.ts`), 'utf8');
  return [...code.matchAll(STARTED)].map((match) => {
    const name = join(dirname(module), match[1]);
    if (!isModule(name)) throw new Error(`src/${module}.ts starts ${match[1]}, which is not beside it`);
    return name;
  });
}

function isModule(name) {
  return existsSync(join(SRC, `${name}.ts`));
}

/** A module keeps the URL that it would have as a file of its own. All files of `dist` are in folders of the first level. */
function withOwnUrl(code, id) {
  if (!id.startsWith(SRC) || !code.includes('import.meta.url')) return null;
  const own = relative(SRC, id).replace(/\.ts$/, '.js');
  return code.replaceAll('import.meta.url', `new URL('../${own}', import.meta.url).href`);
}

/** The file that a module is put into; null for one that is not always needed, or runs when its own file does. */
function fileOf(id, graph) {
  if (!isEager(id, graph) || graph.getModuleInfo(id).isEntry) return null;
  const packages = id.split('node_modules/').slice(1);
  if (packages.length > 0) return `packages/${nameOfPackage(packages.at(-1)).replace('/', '-')}`;
  if (!id.startsWith(SRC)) return null;
  const [room, part] = relative(SRC, id).split('/');
  if (room === 'cli') return null;
  return `rooms/${room === 'codec' ? `codec-${part}` : room}`;
}

function isEager(id, graph) {
  if (eager === null) {
    eager = new Set();
    const queue = [...entries, ...PROGRAM].map((name) => join(SRC, `${name}.ts`));
    for (const next of queue) {
      if (eager.has(next)) continue;
      eager.add(next);
      queue.push(...(graph.getModuleInfo(next)?.importedIds ?? []));
    }
  }
  return eager.has(id);
}

function nameOfPackage(path) {
  return path.split('/', path.startsWith('@') ? 2 : 1).join('/');
}

/** Modules run in the order of their imports only if no file imports itself in a circle. */
function checkChunk(chunk, output) {
  if (dirname(dirname(chunk.fileName)) !== '.')
    throw new Error(`dist/${chunk.fileName} is not in a folder of the first level`);
  const byName = new Map(output.map((other) => [other.fileName, other]));
  const walk = (name, way) => {
    if (way.includes(name)) throw new Error(`dist has a circle of imports: ${[...way, name].join(' -> ')}`);
    for (const next of byName.get(name)?.imports ?? []) walk(next, [...way, name]);
  };
  walk(chunk.fileName, []);
}

/** The licences of all packages that are in `dist`, as they ask for. */
function licences(output) {
  const ids = output.flatMap((chunk) => chunk.moduleIds ?? []);
  const folders = new Set(
    ids.flatMap((id) => {
      const at = id.lastIndexOf('node_modules/') + 'node_modules/'.length;
      return id.includes('node_modules/') ? [id.slice(0, at) + nameOfPackage(id.slice(at))] : [];
    }),
  );
  return [...folders]
    .sort()
    .map((folder) => {
      const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
      return `${name} ${version} (${license})\n\n${licenseOf(folder, name).trim()}\n`;
    })
    .join(`\n${'-'.repeat(80)}\n\n`);
}

/** The license of a package: a file of its own, or the part of its README with this heading. */
function licenseOf(folder, name) {
  const names = readdirSync(folder);
  const file = names.find((entry) => /^licen[cs]e/i.test(entry));
  if (file !== undefined) return readFileSync(join(folder, file), 'utf8');
  const readme = names.find((entry) => /^readme/i.test(entry));
  const text = readme === undefined ? '' : readFileSync(join(folder, readme), 'utf8');
  const part = /^(?:#+ *Licen[cs]e|Licen[cs]e\n-+)\n([\s\S]+)/im.exec(text)?.[1];
  if (part === undefined) throw new Error(`${name} has no file with its license, and its README does not say it`);
  return part;
}
