// The last part of `npm run build`: writes the page of the dashboard as static files to `dist/dashboard`.
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

const OUTPUT = join(ROOT, 'dist/dashboard');

/** Packages that become part of the page. */
const BUNDLED = ['preact', 'uplot'];

await build({
  configFile: false,
  root: join(ROOT, 'dashboard'),
  // Paths in the page are relative, so that it works below any path of a proxy in front.
  base: './',
  logLevel: 'warn',
  publicDir: false,
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: {
    outDir: OUTPUT,
    emptyOutDir: true,
    target: 'es2022',
    // The Content-Security-Policy allows neither data: URLs nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

// The server sends these in place of the files beside them. Their sizes differ, because entity tags are made of time and size.
for (const entry of readdirSync(OUTPUT, { recursive: true, withFileTypes: true })) {
  if (!entry.isFile()) continue;
  const path = join(entry.parentPath, entry.name);
  const content = readFileSync(path);
  const br = brotliCompressSync(content, { params: { [constants.BROTLI_PARAM_SIZE_HINT]: content.length } });
  const gzip = gzipSync(content, { level: 9 });
  if (br.length < content.length) writeFileSync(`${path}.br`, br);
  if (gzip.length < content.length && gzip.length !== br.length) writeFileSync(`${path}.gz`, gzip);
}

// The bundle of the program has begun this file. All licenses ask for their notice in each copy.
for (const name of BUNDLED) {
  const folder = join(ROOT, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const text = readFileSync(join(folder, 'LICENSE'), 'utf8').trim();
  appendFileSync(join(ROOT, 'dist/LICENSES'), `\n${'-'.repeat(80)}\n\n${name} ${version} (${license})\n\n${text}\n`);
}
