import { fileURLToPath } from 'node:url';
import type { TimerWheel } from '../clock/index.ts';
import { PAGES, pageService } from '../control/index.ts';
import { type CounterRegistry, type Log, OriginCounters, type Service } from '../exchange/index.ts';
import { FilesCounters, StaticFiles } from '../files/index.ts';

/** The built dashboard, as source and built. */
const FOLDER = fileURLToPath(new URL('../../dist/dashboard', import.meta.url));

/** Serves the dashboard. @param root the folder with its files */
export function dashboardPages(registry: CounterRegistry, log: Log, wheel: TimerWheel, root = FOLDER): Service {
  const counters = new FilesCounters();
  registry.add('control.pages', counters);
  const files = new StaticFiles({ counters, log, wheel });
  const folder = files.folder({
    root,
    indexFile: 'index.html',
    defaultType: 'application/octet-stream',
    types: {},
    cacheTtl: 1,
    followLinks: false,
    server: '',
  });
  return pageService(folder.service(PAGES), new OriginCounters());
}
