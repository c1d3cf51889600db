import { readdirSync } from 'node:fs';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { TimerWheel } from '../clock/index.ts';
import { CODED, PAGES, pageService } from '../control/index.ts';
import { type CounterRegistry, type Log, OriginCounters, type Service } from '../exchange/index.ts';
import { FilesCounters, mediaTypeOf, StaticFiles } from '../files/index.ts';

/** The built dashboard, as source and built. */
const FOLDER = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));

/** Serves the dashboard. @param root the folder with its files */
export function dashboardPages(registry: CounterRegistry, log: Log, wheel: TimerWheel, root = FOLDER): Service {
  const counters = new FilesCounters();
  registry.add('control.pages', counters);
  const files = new StaticFiles({ counters, log, wheel });
  const coded = codedFiles(root);
  const folder = files.folder({
    root,
    indexFile: 'index.html',
    defaultType: 'application/octet-stream',
    types: codedTypes(coded),
    cacheTtl: 1,
    followLinks: false,
    server: '',
  });
  return pageService(folder.service(PAGES), new Set(coded.map((name) => PAGES + name)), new OriginCounters());
}

/** The files that the build has made of others, by their paths below the folder; none where nothing is built. */
function codedFiles(root: string): readonly string[] {
  const endings = Object.values(CODED);
  try {
    const names = readdirSync(root, { recursive: true, encoding: 'utf8' });
    return names.filter((name) => endings.includes(extname(name)));
  } catch {
    return [];
  }
}

/** They have the types of what they were made of. */
function codedTypes(coded: readonly string[]): Readonly<Record<string, string>> {
  const types: Record<string, string> = {};
  for (const name of coded) {
    const plain = name.slice(0, -extname(name).length);
    types[extname(plain) + extname(name)] = mediaTypeOf(plain, {}, 'application/octet-stream');
  }
  return types;
}
