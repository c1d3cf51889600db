import type { App } from '../app/index.ts';
import type { FilesSource } from './files-source.ts';
import { RoutesWatch } from './routes-watch.ts';

/** Has the configuration read again at SIGHUP, and its routes file when it has changed. */
export function followConfiguration(app: App, source: FilesSource): void {
  const reloader = app.reloads?.reloader;
  // What is wrong is in the log.
  const failed = (): void => {};
  const watch = new RoutesWatch(() => {
    // A signal may have been quicker.
    if (source.hasNewRoutes) reloader?.reload('routes_file', 'routes').catch(failed);
  });
  source.onRoutesFile = (file) => watch.watch(file);
  watch.watch(source.routesFile);
  process.on('SIGHUP', () => {
    reloader?.reload('SIGHUP').catch(failed);
  });
}
