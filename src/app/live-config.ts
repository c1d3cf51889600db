import type { CertificateKeeper } from '../acme/index.ts';
import {
  acmeIssues,
  acmeNames,
  type Config,
  configChanges,
  oneProcessReasons,
  pathsError,
  type Route,
  routesWithoutState,
  withRunningFields,
  withRunningKeys,
} from '../config/index.ts';
import type { Log } from '../exchange/index.ts';
import type { AccessLogs } from './access-logs.ts';
import { type CertificateChange, type CertificatePairs, Certificates } from './certificates.ts';
import { ChangeParts } from './change-parts.ts';
import type { EdgeRole } from './edge-role.ts';
import { EdgeWorkers } from './edge-workers.ts';
import { type FetchPlan, fetchPlans } from './fetch-plan.ts';
import type { FetchRole } from './fetch-role.ts';
import type { HistoryRole } from './history-role.ts';
import type { ProcessLog } from './logger.ts';
import { withoutRoute, withRoute } from './one-route.ts';
import type { Prepared } from './prepared.ts';
import { PreparedParts } from './prepared-parts.ts';
import type { ProxyRole } from './proxy-role.ts';
import type { ProxyWorkers } from './proxy-workers.ts';
import { isReloadableChange, type ReloadChange, routesChange } from './reload-report.ts';
import type { Traces } from './traces.ts';
import type { WebhookRole } from './webhook-role.ts';

/** The parts of a program that use its configuration; null for those that it does not have. */
export interface ConfiguredRoles {
  /** Null where there is neither a proxy nor a control port. */
  readonly proxy: ProxyRole | null;
  readonly workers: ProxyWorkers | null;
  readonly edge: EdgeRole | EdgeWorkers | null;
  readonly fetch: FetchRole | null;
  readonly history: HistoryRole | null;
  readonly webhooks: WebhookRole | null;
  /** Orders certificates for the hosts of the routes. */
  readonly keeper: CertificateKeeper | null;
}

/** A change that is ready to come into force, and what it is. */
export interface PreparedReload extends Prepared {
  readonly changed: readonly ReloadChange[];
  /** Keys that have other values now, which the program uses after a restart. */
  readonly needsRestart: readonly string[];
}

/** What a `LiveConfig` is made of. */
export interface LiveConfigOptions {
  readonly config: Config;
  readonly plans: readonly FetchPlan[];
  readonly pairs: CertificatePairs;
  readonly accessLog: AccessLogs;
  readonly traces: Traces;
  /** The roles, once they have started. */
  readonly roles: () => ConfiguredRoles;
  readonly log: Log;
}

/**
 * The configuration that a running program uses, and how it becomes another one: everything that uses it, in this process and its workers, prepares
 * for the change beside what is in force; then all of it is swapped within one turn of the event loop. One change is prepared at a time.
 */
export class LiveConfig {
  /** In force: for keys that need a restart, the values of the start. */
  config: Config;
  /** Certificates that come before those of the folders. */
  pairs: CertificatePairs;
  /** Those of the listeners. */
  readonly certificates: Certificates;
  readonly #options: LiveConfigOptions;
  #plans: readonly FetchPlan[];

  constructor(options: LiveConfigOptions) {
    this.#options = options;
    this.config = options.config;
    this.pairs = options.pairs;
    this.certificates = new Certificates(options.pairs);
    this.#plans = options.plans;
  }

  /**
   * Prepares another configuration.
   * @throws Error when it cannot be used
   */
  async prepare(
    next: Config,
    pairs = this.pairs,
    plans: readonly FetchPlan[] = fetchPlans(next),
  ): Promise<PreparedReload> {
    const { certificates } = this;
    const { accessLog, traces, log } = this.#options;
    const { proxy, workers, edge, fetch, history, webhooks, keeper } = this.#options.roles();
    const config = withRunningKeys(this.config, next);
    const changes = configChanges(this.config, next);
    checkFit(config, keeper);
    const prepared = new PreparedParts();
    await prepared.add(() => accessLog.prepare(config.accessLog));
    const own = await prepared.add(() => certificates.prepare(pairs));
    const routing = proxy === null ? null : await prepared.add(() => proxy.prepareChange(config));
    const parts = ChangeParts.whole(config, pairs);
    const ofWorkers = workers === null ? null : await prepared.add(() => workers.prepareChange(parts, config, pairs));
    const { level: logLevel } = config.log;
    if (edge instanceof EdgeWorkers) {
      await prepared.add(() =>
        edge.prepareChange({
          edge: config.edge,
          logLevel,
          accessLog: config.accessLog,
          trace: config.trace,
          certificates: pairs,
        }),
      );
    }
    const running = this.#plans;
    const merged = running.map((plan, i) => withRunningFields('fetch', plan, plans[i] ?? plan));
    return {
      changed: [
        ...changes.filter(isReloadableChange).map((change) => ({ what: 'key' as const, ...change })),
        ...routesChange(routing?.changes),
        ...certificatesChange([...own.changes, ...(ofWorkers?.certificates ?? [])]),
      ],
      needsRestart: changes.filter((change) => !isReloadableChange(change)).map(({ key }) => key),
      commit: () => {
        this.config = config;
        this.pairs = pairs;
        this.#plans = merged;
        prepared.commit();
        if (edge !== null && !(edge instanceof EdgeWorkers)) edge.use(config.edge);
        fetch?.use(merged);
        history?.use(config);
        webhooks?.use(config.webhooks);
        keeper?.use(acmeNames(config));
        traces.use(config.trace);
        if ('setLevel' in log) (log as ProcessLog).setLevel(logLevel);
      },
      discard: () => prepared.discard(),
    };
  }

  /**
   * Prepares one route, which takes the place of those with its id.
   * @throws Error when it cannot be used
   */
  preparePut(route: Route): Promise<Prepared> {
    return this.#prepareRoute(
      withRoute(this.config, route),
      (proxy) => proxy.preparePut(route),
      ChangeParts.of({ kind: 'put', route }),
    );
  }

  /** Prepares to take out the routes with an id. */
  prepareRemove(id: string): Promise<Prepared> {
    return this.#prepareRoute(
      withoutRoute(this.config, id),
      (proxy) => proxy.prepareRemove(id),
      ChangeParts.of({ kind: 'remove', id }),
    );
  }

  /**
   * Prepares certificates in place of those that are set now.
   * @throws Error that names the one that cannot be used
   */
  async prepareCertificates(pairs: CertificatePairs): Promise<Prepared> {
    const { workers, edge } = this.#options.roles();
    const prepared = new PreparedParts();
    await prepared.add(() => this.certificates.prepare(pairs));
    const parts = ChangeParts.of({ kind: 'certificates', certificates: pairs });
    if (workers !== null) await prepared.add(() => workers.prepareChange(parts, this.config, pairs));
    if (edge instanceof EdgeWorkers) {
      const { edge: section, log, accessLog, trace } = this.config;
      const now = { edge: section, logLevel: log.level, accessLog, trace, certificates: pairs };
      await prepared.add(() => edge.prepareChange(now));
    }
    return {
      discard: () => prepared.discard(),
      commit: () => {
        this.pairs = pairs;
        prepared.commit();
      },
    };
  }

  async #prepareRoute(config: Config, make: (proxy: ProxyRole) => Prepared, parts: ChangeParts): Promise<Prepared> {
    const { proxy, workers, keeper } = this.#options.roles();
    checkOrders(config, keeper);
    const prepared = new PreparedParts();
    if (proxy !== null) await prepared.add(() => make(proxy));
    if (workers !== null) await prepared.add(() => workers.prepareChange(parts, config, this.pairs));
    return {
      discard: () => prepared.discard(),
      commit: () => {
        this.config = config;
        prepared.commit();
        keeper?.use(acmeNames(config));
      },
    };
  }
}

/**
 * Keys that need a restart have the values of the start, and with these the routes may not go together.
 * @throws Error that says why
 */
function checkFit(config: Config, keeper: CertificateKeeper | null): void {
  checkOrders(config, keeper);
  const { routes, server, publish } = config;
  const [reason] = server.workers > 1 ? oneProcessReasons(config, routes) : [];
  if (reason !== undefined) {
    throw new Error(`workers under [server] is ${server.workers} until a restart, and must be 1 ${reason}`);
  }
  const [conflict] = routesWithoutState(publish.state, routes);
  if (conflict !== undefined) throw new Error(`route[${conflict.index}].${conflict.key}: ${conflict.message}`);
}

/** @throws ConfigError for routes for which no certificate can be ordered */
function checkOrders(config: Config, keeper: CertificateKeeper | null): void {
  const issues = keeper === null ? [] : acmeIssues(config);
  if (issues.length > 0) throw pathsError(issues);
}

/** Several processes tell of the same files. */
function certificatesChange(changes: readonly CertificateChange[]): ReloadChange[] {
  const byName = new Map(changes.map((change) => [change.name, change]));
  return [...byName.values()].map((change) => ({ what: 'certificate', ...change }));
}
