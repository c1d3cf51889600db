// The last part of `npm run build`: writes the page of the dashboard as static files to `dist/dashboard`.
import { appendFileSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const ROOT = fileURLToPath(new URL('..', import.meta.url));

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
    outDir: join(ROOT, 'dist/dashboard'),
    emptyOutDir: true,
    target: 'es2022',
    // The Content-Security-Policy allows neither data: URLs nor inline scripts.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
  },
});

// The bundle of the program has begun this file. All licenses ask for their notice in each copy.
for (const name of BUNDLED) {
  const folder = join(ROOT, 'node_modules', name);
  const { version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const text = readFileSync(join(folder, 'LICENSE'), 'utf8').trim();
  appendFileSync(join(ROOT, 'dist/LICENSES'), `\n${'-'.repeat(80)}\n\n${name} ${version} (${license})\n\n${text}\n`);
}
