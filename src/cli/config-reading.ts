import type { LoadedConfig, LogLevel } from '../app/index.ts';
import { type ConfigOptions, readConfig, withCommandLine } from './config-options.ts';
import { ConfigTexts, type ReadFile } from './config-texts.ts';
import { type PushpinCommandLine, readPushpinConfig } from './pushpin-config.ts';
import { readZurlConf } from './zurl-config.ts';
import { zurlPlans } from './zurl-plans.ts';

/** How a command reads its configuration: plain data, so that a thread can do it. */
export type ReadRequest =
  | { readonly command: 'run'; readonly options: ConfigOptions }
  | {
      readonly command: 'pushpin';
      readonly options: PushpinCommandLine;
      readonly controlPort: readonly string[];
      /** Stats packets cannot be published: the folder for their socket cannot be made. */
      readonly withoutStats: boolean;
    }
  | {
      readonly command: 'zurl';
      readonly file: string;
      readonly level: LogLevel;
      readonly controlPort: readonly string[];
      /** Of the role, if the file names none: each reading makes up another one. */
      readonly id?: string;
    };

/** A configuration, and the files that it was read from. */
export interface ConfigReading {
  readonly loaded: LoadedConfig;
  readonly files: readonly ReadFile[];
  /** Changes while the program runs; empty without one. */
  readonly routesFile: string;
  /** Folder of socket files; empty without one. */
  readonly rundir: string;
}

/** What a command knows beside the configuration. */
type Places = Pick<ConfigReading, 'routesFile' | 'rundir'>;

/**
 * Reads a configuration.
 * @param known files that are not read again
 * @param filled a file that must not be empty
 * @throws CliError for what cannot be read or is wrong
 */
export function readConfiguration(
  request: ReadRequest,
  known: readonly ReadFile[] = [],
  filled: string | null = null,
): ConfigReading {
  const texts = new ConfigTexts(known, filled);
  const { routesFile, rundir, ...loaded } = read(request, texts);
  return { loaded, routesFile, rundir, files: texts.files };
}

function read(request: ReadRequest, texts: ConfigTexts): LoadedConfig & Places {
  switch (request.command) {
    case 'run': {
      const { overlay: read, ...loaded } = readConfig(request.options, texts);
      const overlay = { file: read.file, overlay: read.overlay, shadowed: read.shadowed };
      return { ...loaded, overlay, ignored: [], routesFile: loaded.config.proxy.routesFile, rundir: '' };
    }
    case 'pushpin': {
      const { config, file, ignored, routesFile, rundir } = readPushpinConfig(request.options, texts);
      const usable = request.withoutStats ? withoutStatsPackets(config) : config;
      const own = withCommandLine(usable, { controlPort: request.controlPort });
      const counts = { fromFile: 0, fromRoutesFile: config.routes.length };
      return { config: own, file, overlay: null, ...counts, ignored, routesFile: routesFile ?? '', rundir };
    }
    default: {
      const { file, level, controlPort, id } = request;
      const { config: read, ignored } = readZurlConf(file, texts);
      const config = withCommandLine(read, { controlPort, logLevel: level });
      const own = id === undefined ? config : { ...config, fetch: { ...config.fetch, id } };
      const issues = ignored.map((issue) => ({ ...issue, file }));
      const places = { routesFile: '', rundir: '', fromFile: 0, fromRoutesFile: 0 };
      return { config: own, plans: zurlPlans(own), file, overlay: null, ignored: issues, ...places };
    }
  }
}

/** The shipped file asks for stats, and a user who may not write to its folder can do without them. */
export function withoutStatsPackets(config: LoadedConfig['config']): LoadedConfig['config'] {
  const pub = config.stats.pub.filter((endpoint) => !endpoint.startsWith('ipc:'));
  return { ...config, stats: { ...config.stats, pub } };
}
