import type { Log } from '../exchange/index.ts';
import { type ConfigSource, type FileIssue, type LoadedConfig, ReloadError } from './config-source.ts';
import type { LiveConfig } from './live-config.ts';
import { changeText, type ReloadReport } from './reload-report.ts';
import type { ConfigurationState } from './status-of.ts';

/** What a `Reloader` is made of. */
export interface ReloaderOptions {
  readonly live: LiveConfig;
  readonly source: ConfigSource;
  /** Kept up to date. */
  readonly state: ConfigurationState;
  /** A configuration was read, and is in force. */
  readonly onLoaded: (loaded: LoadedConfig) => void;
  readonly log: Log;
}

/** Why the configuration is read again: the sender of a signal, a changed file, the control API. */
export type ReloadCause = 'SIGHUP' | 'routes_file' | 'control';

/** A reload that has not begun. */
interface Waiting {
  readonly what: 'all' | 'routes';
  readonly by: ReloadCause;
  readonly promise: Promise<ReloadReport>;
}

/**
 * Reads the configuration again and brings it into force, or leaves everything as it is. One change is made at a time; reloads that are asked for
 * while one waits are that one.
 */
export class Reloader {
  readonly #options: ReloaderOptions;
  /** Is told when a reload begins and when it is over. */
  onReloading: (reloading: boolean) => void = () => {};
  #last: Promise<unknown> = Promise.resolve();
  #waiting: Waiting | null = null;

  constructor(options: ReloaderOptions) {
    this.#options = options;
  }

  /**
   * Reloads.
   * @param what only the routes file, or everything
   * @throws ReloadError when the configuration cannot be read or used; then nothing has changed. The log says so, too.
   */
  reload(by: ReloadCause, what: 'all' | 'routes' = 'all'): Promise<ReloadReport> {
    const waiting = this.#waiting;
    // Who asked for everything is not served by routes alone.
    if (waiting !== null && (waiting.what === 'all' || what === 'routes')) return waiting.promise;
    const promise = this.exclusively(() => {
      if (this.#waiting?.promise === promise) this.#waiting = null;
      return this.#reload(by, what);
    });
    this.#waiting = { what, by, promise };
    return promise;
  }

  /** Makes a change when those before it are done. */
  exclusively<T>(change: () => Promise<T>): Promise<T> {
    const promise = this.#last.then(change);
    this.#last = promise.catch(() => {});
    return promise;
  }

  async #reload(by: ReloadCause, what: 'all' | 'routes'): Promise<ReloadReport> {
    const { state, log } = this.#options;
    this.onReloading(true);
    try {
      const report = await this.#apply(by, what);
      state.loaded = new Date();
      state.reloads++;
      state.lastError = null;
      return report;
    } catch (error) {
      const problem = error instanceof ReloadError ? error : new ReloadError((error as Error).message, issuesOf(error));
      state.lastError = problem.message;
      log.error({ by, reason: problem.message }, 'configuration not reloaded');
      throw problem;
    } finally {
      this.onReloading(false);
    }
  }

  async #apply(by: ReloadCause, what: 'all' | 'routes'): Promise<ReloadReport> {
    const { live, source, onLoaded, log } = this.#options;
    const loaded = await source.read(what);
    const prepared = await live.prepare(loaded.config, loaded.overlay?.overlay.certificates ?? {}, loaded.plans);
    const { changed, needsRestart } = prepared;
    prepared.commit();
    onLoaded(loaded);
    for (const { file, line, key, message } of loaded.ignored)
      log.warn({ file, line, key }, `ignored in the configuration: ${message}`);
    log.info({ by, changed: changed.map(changeText) }, 'configuration reloaded');
    log.info({}, `routes loaded with ${loaded.config.routes.length} entries`);
    if (needsRestart.length > 0) log.warn({ keys: needsRestart }, 'changed in the configuration, and needs a restart');
    return { changed, needsRestart };
  }
}

/** The issues of a `ConfigError` in the process that uses the configuration: keys that could not be used. */
function issuesOf(error: unknown): FileIssue[] {
  const { issues, file } = error as { issues?: readonly Omit<FileIssue, 'file'>[]; file?: string };
  return (issues ?? []).map((issue) => ({ ...issue, file: file ?? '' }));
}
