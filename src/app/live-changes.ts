import {
  type CertificatePair,
  ConfigError,
  checkRoutes,
  EMPTY_OVERLAY,
  type Overlay,
  oneProcessReasons,
  overlayKeyProblem,
  overlayNameProblem,
  overlayRoute,
  type Route,
  routesWithoutState,
  withOverlay,
} from '../config/index.ts';
import { type Life, OperationError } from '../control/index.ts';
import { type Log, systemErrorText } from '../exchange/index.ts';
import { checkIdentity } from '../net/index.ts';
import type { LoadedOverlay } from './config-source.ts';
import type { LiveConfig } from './live-config.ts';
import { OverlayStore } from './overlay-store.ts';
import type { Prepared } from './prepared.ts';
import type { Reloader } from './reloader.ts';

/** What `LiveChanges` are made of. */
export interface LiveChangesOptions {
  readonly live: LiveConfig;
  readonly reloader: Reloader;
  /** Where the program is in its life. */
  readonly life: () => Life;
  readonly log: Log;
}

/** Changes of single routes, certificates and keys while the program runs, which are kept in the overlay on request. Others last until the next reload. */
export class LiveChanges {
  readonly #options: LiveChangesOptions;
  /** What is kept; null where nothing can be. */
  #loaded: LoadedOverlay | null = null;
  /** Names of keys that were set. */
  #keys = new Set<string>();
  /** What was set and is not kept, by its id or name. */
  readonly #unkept = { routes: new Set<string>(), certificates: new Set<string>(), keys: new Set<string>() };

  constructor(options: LiveChangesOptions) {
    this.#options = options;
  }

  /** A configuration has come into force. */
  onLoaded(loaded: LoadedOverlay | null): void {
    this.#loaded = loaded;
    this.#keys = new Set(Object.keys(loaded?.overlay.keys ?? {}));
    for (const names of Object.values(this.#unkept)) names.clear();
  }

  /** Where something that was set is: in the overlay, or in memory alone. */
  sourceOf(kind: keyof Overlay, name: string): 'overlay' | 'memory' {
    return this.#unkept[kind].has(name) ? 'memory' : 'overlay';
  }

  get keys(): ReadonlySet<string> {
    return this.#keys;
  }

  /** @throws OperationError for a line that is not valid, or a route that cannot be served */
  putRoute(id: string, line: string, keep: boolean): Promise<void> {
    return this.#exclusively(async () => {
      const route = valid(() => overlayRoute(id, line));
      this.#checkRoute(route);
      const prepared = await usable(() => this.#options.live.preparePut(route));
      const { routes, ...others } = this.#overlay;
      await this.#finish(prepared, keep, { ...others, routes: { ...routes, [id]: line } });
      this.#noteKept('routes', id, keep);
      this.#options.log.info({ route: id, keep }, 'route set');
    });
  }

  /** Resolves with whether there was one. */
  deleteRoute(id: string, keep: boolean): Promise<boolean> {
    return this.#exclusively(async () => {
      const { live, log } = this.#options;
      if (!live.config.routes.some((route) => route.id === id)) return false;
      const prepared = await live.prepareRemove(id);
      await this.#finish(prepared, keep, { ...this.#overlay, routes: this.#routesWithout(id) });
      this.#unkept.routes.delete(id);
      log.info({ route: id, keep }, 'route removed');
      return true;
    });
  }

  /** @throws OperationError for a certificate that cannot be used */
  putCertificate(name: string, pair: CertificatePair, keep: boolean): Promise<void> {
    return this.#exclusively(async () => {
      const problem = overlayNameProblem(name);
      if (problem !== null) throw invalid(`name: ${problem}`);
      const own = { cert: pair.cert, key: pair.key };
      // There may be no listener here that would use it.
      await usable(async () => checkIdentity(own));
      await this.#useCertificates({ ...this.#options.live.pairs, [name.toLowerCase()]: own }, keep, name.toLowerCase());
      this.#options.log.info({ certificate: name, keep }, 'certificate set');
    });
  }

  /** Resolves with whether one was set. Those of the folders stay. */
  deleteCertificate(name: string, keep: boolean): Promise<boolean> {
    return this.#exclusively(async () => {
      const { live, log } = this.#options;
      if (!Object.hasOwn(live.pairs, name)) return false;
      await this.#useCertificates(without(live.pairs, name), keep, name);
      log.info({ certificate: name, keep }, 'certificate no longer set');
      return true;
    });
  }

  /** @throws OperationError for a key that cannot be used */
  putKey(name: string, key: string, keep: boolean): Promise<void> {
    return this.#exclusively(async () => {
      const problem = overlayKeyProblem(name, key);
      if (problem !== null) throw invalid(problem);
      const { live, log } = this.#options;
      const config = withOverlay(live.config, { ...EMPTY_OVERLAY, keys: { [name]: key } }, '');
      const prepared = await usable(() => live.prepare(config));
      const { keys, ...others } = this.#overlay;
      await this.#finish(prepared, keep, { ...others, keys: { ...keys, [name]: key } });
      this.#noteKept('keys', name, keep);
      this.#keys.add(name);
      log.info({ key: name, keep }, 'key set');
    });
  }

  /** Resolves with whether one was set. The one of the files is in force again. */
  async deleteKey(name: string, keep: boolean): Promise<boolean> {
    const { reloader, log } = this.#options;
    if (!this.#keys.has(name)) return false;
    await this.#exclusively(async () => {
      if (keep) await this.#keep({ ...this.#overlay, keys: without(this.#overlay.keys, name) });
    });
    await usable(() => reloader.reload('control'));
    log.info({ key: name, keep }, 'key no longer set');
    return true;
  }

  #exclusively<T>(change: () => Promise<T>): Promise<T> {
    const { reloader, life } = this.#options;
    return reloader.exclusively(() => {
      checkLasts(life());
      return change();
    });
  }

  get #overlay(): Overlay {
    return this.#loaded?.overlay ?? EMPTY_OVERLAY;
  }

  /** A route of the files is left out from now on; one that was only set is forgotten. */
  #routesWithout(id: string): Overlay['routes'] {
    const overlay = this.#overlay;
    const isOnlySet = typeof overlay.routes[id] === 'string' && this.#loaded?.shadowed.includes(id) !== true;
    return isOnlySet ? without(overlay.routes, id) : { ...overlay.routes, [id]: null };
  }

  async #useCertificates(pairs: LiveConfig['pairs'], keep: boolean, name: string): Promise<void> {
    const prepared = await usable(() => this.#options.live.prepareCertificates(pairs));
    const { certificates, ...others } = this.#overlay;
    const pair = pairs[name];
    const kept = pair === undefined ? without(certificates, name) : { ...certificates, [name]: pair };
    await this.#finish(prepared, keep, { ...others, certificates: kept });
    if (pair === undefined) this.#unkept.certificates.delete(name);
    else this.#noteKept('certificates', name, keep);
  }

  #noteKept(kind: keyof Overlay, name: string, kept: boolean): void {
    if (kept) this.#unkept[kind].delete(name);
    else this.#unkept[kind].add(name);
  }

  /** Keeps a change, if that is wanted, and brings it into force. */
  async #finish(prepared: Prepared, keep: boolean, overlay: Overlay): Promise<void> {
    try {
      if (keep) await this.#keep(overlay);
    } catch (error) {
      prepared.discard();
      throw error;
    }
    prepared.commit();
  }

  async #keep(overlay: Overlay): Promise<void> {
    const loaded = this.#loaded;
    if (loaded === null) throw new OperationError('HF_CONTROL_CONFLICT', 'nothing is kept without dir under [state]');
    try {
      await new OverlayStore(loaded.file).write(overlay);
    } catch (error) {
      const reason = systemErrorText(error);
      this.#options.log.error({ file: loaded.file, reason }, 'cannot keep a change');
      throw new OperationError('HF_CONTROL_CONFLICT', `cannot write the overlay: ${reason}`);
    }
    this.#loaded = { ...loaded, overlay };
  }

  /** What is wrong with a route among the others, which are not looked at one by one. */
  #checkRoute(route: Route): void {
    const { config } = this.#options.live;
    const isOverZmq = route.targets.some(({ kind }) => kind === 'zhttp' || kind === 'zhttpreq');
    const others = isOverZmq ? config.routes.filter(({ id }) => id !== route.id) : [];
    const [conflict] = [...checkRoutes([...others, route]), ...routesWithoutState(config.publish.state, [route])];
    if (conflict !== undefined) throw invalid(`${conflict.key}: ${conflict.message}`);
    const [reason] = config.server.workers > 1 ? oneProcessReasons(config, [route]) : [];
    if (reason !== undefined) throw invalid(`workers under [server] must be 1 ${reason}`);
  }
}

/**
 * Whether a change of this process would last: one that takes over has read the configuration before, and has the overlay from then on.
 * @throws OperationError that says why it would not
 */
export function checkLasts(life: Life): void {
  if (life === 'upgrading') throw new OperationError('HF_CONTROL_CONFLICT', 'another process is taking over');
  if (life === 'draining') throw new OperationError('HF_CONTROL_CONFLICT', 'this process accepts no more connections');
}

function invalid(message: string): OperationError {
  return new OperationError('HF_CONTROL_INVALID', message);
}

function valid<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    throw error instanceof ConfigError ? invalid(error.message) : error;
  }
}

async function usable<T>(prepare: () => Promise<T>): Promise<T> {
  try {
    return await prepare();
  } catch (error) {
    throw error instanceof OperationError ? error : invalid((error as Error).message);
  }
}

function without<T>(table: Readonly<Record<string, T>>, name: string): Readonly<Record<string, T>> {
  return Object.fromEntries(Object.entries(table).filter(([key]) => key !== name));
}
