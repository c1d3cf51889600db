import type { Route } from '../config/index.ts';
import type { Life } from '../control/index.ts';
import type { Log } from '../exchange/index.ts';
import type { ConfigSource, LoadedConfig } from './config-source.ts';
import { LiveChanges } from './live-changes.ts';
import type { LiveConfig } from './live-config.ts';
import { Reloader } from './reloader.ts';
import type { ConfigurationState } from './status-of.ts';

/** Where the configuration of a program has come from. */
export interface ConfigOrigin {
  readonly source: ConfigSource;
  /** As it was read for the start. */
  readonly loaded: LoadedConfig;
}

/** How the configuration of a running program is changed. */
export interface Reloads {
  readonly reloader: Reloader;
  readonly changes: LiveChanges;
  readonly live: LiveConfig;
}

/** What reloads are made with. */
interface ReloadMeans {
  readonly live: LiveConfig;
  readonly state: ConfigurationState;
  /** Where the program is in its life. */
  readonly life: () => Life;
  readonly log: Log;
}

/** Where the routes of a configuration have come from. Those that are in no file were set. */
function sourcesOf(loaded: LoadedConfig, changes: LiveChanges): ConfigurationState['sourceOf'] {
  const { fromFile, fromRoutesFile } = loaded;
  const { routes } = loaded.config;
  const sources = new WeakMap<Route, 'file' | 'routes_file'>();
  routes.slice(0, fromFile + fromRoutesFile).forEach((route, index) => {
    sources.set(route, index < fromFile ? 'file' : 'routes_file');
  });
  return (route) => sources.get(route) ?? changes.sourceOf('routes', route.id);
}

export function newReloads({ source, loaded }: ConfigOrigin, { live, state, life, log }: ReloadMeans): Reloads {
  const onLoaded = (now: LoadedConfig): void => {
    state.file = now.file;
    state.sourceOf = sourcesOf(now, changes);
    changes.onLoaded(now.overlay);
  };
  const reloader = new Reloader({ live, source, state, onLoaded, log });
  const changes = new LiveChanges({ live, reloader, life, log });
  onLoaded(loaded);
  return { reloader, changes, live };
}
