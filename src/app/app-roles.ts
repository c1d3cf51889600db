import type { CertificateKeeper } from '../acme/index.ts';
import type { ClusterNode } from '../cluster/index.ts';
import { type Config, hasProxy } from '../config/index.ts';
import type { StateClient } from '../sessions/index.ts';
import type { PublishSockets } from '../zmq-publish/index.ts';
import type { AllNodes } from './all-nodes.ts';
import type { ControlRole } from './control-role.ts';
import type { EdgeRole } from './edge-role.ts';
import type { EdgeWorkers } from './edge-workers.ts';
import type { FetchRole } from './fetch-role.ts';
import type { HistoryRole } from './history-role.ts';
import type { ConfiguredRoles } from './live-config.ts';
import { Mongrel2Roles } from './mongrel2-roles.ts';
import type { ProxyRole } from './proxy-role.ts';
import type { ProxyWorkers } from './proxy-workers.ts';
import type { StatsRole } from './stats-role.ts';
import { windDown, windDownAll } from './upgrade/wind-down.ts';
import type { WebhookRole } from './webhook-role.ts';

/** The roles of the program, and how they end together. Null where they do not run, or not yet. */
export class AppRoles {
  /** Is there without `[server]` too: the control port reads the configuration in force from it. */
  readonly proxy: ProxyRole;
  /** Where worker processes have the clients of the proxy. */
  workers: ProxyWorkers | null = null;
  edge: EdgeRole | EdgeWorkers | null = null;
  fetch: FetchRole | null = null;
  readonly mongrel2 = new Mongrel2Roles();
  control: ControlRole | null = null;
  stats: StatsRole | null = null;
  publishSockets: PublishSockets | null = null;
  /** This process as a node of a cluster; null for one node by itself. */
  cluster: ClusterNode | null = null;
  /** The clients of this node and of others; null without a proxy. */
  allNodes: AllNodes | null = null;
  /** Keeps the items of channels; null without a proxy. */
  history: HistoryRole | null = null;
  /** Sends the events of channels to webhooks; null without a proxy. */
  webhooks: WebhookRole | null = null;
  /** The session state service. */
  sessions: StateClient | null = null;
  /** Orders certificates; null where no listener asks for it. */
  certificates: CertificateKeeper | null = null;

  constructor(proxy: ProxyRole) {
    this.proxy = proxy;
  }

  /** Those that use the configuration of a program that was started with this one. */
  configured({ server }: Config): ConfiguredRoles {
    const { workers, edge, fetch, history, webhooks, certificates: keeper } = this;
    return {
      proxy: hasProxy(server) || this.control !== null ? this.proxy : null,
      workers,
      edge,
      fetch,
      history,
      webhooks,
      keeper,
    };
  }

  /**
   * Drains all roles and stops them; what answers the others, such as the session state service, goes on.
   * @param seconds what is still open after that is cut off
   */
  async stop(seconds: number): Promise<void> {
    const end = performance.now() + seconds * 1_000;
    if (this.cluster !== null && seconds > 0) await this.#sendElsewhere(seconds * 1_000);
    const serving = this.#serving;
    for (const role of serving) role.drain();
    // It tells that the others drain until they are empty.
    this.control?.refusePublishing();
    await this.certificates?.stop();
    await this.publishSockets?.close();
    if (this.workers === null) this.proxy.drainHub();
    else this.workers.relay.drain();
    let timer: NodeJS.Timeout | undefined;
    const deadline = new Promise((resolve) => {
      timer = setTimeout(resolve, Math.max(0, end - performance.now()));
    });
    await Promise.race([this.#whenEmpty(serving), deadline]);
    clearTimeout(timer);
    await this.stats?.stop();
    this.control?.destroy();
    this.stats?.destroy();
    await Promise.all([
      this.proxy.stop(),
      this.workers?.stop(),
      this.edge?.stop(),
      ...this.mongrel2.all.map((role) => role.stop()),
      this.fetch?.stop(),
      this.control?.whenEmpty(),
    ]);
    // All clients have left: their channels are empty.
    if (this.cluster === null) this.proxy.presence.leaveAll();
    else await this.cluster.clientsLeft();
    await this.history?.target.settled();
    await this.webhooks?.stop();
    await this.history?.stop();
    await this.cluster?.stop();
  }

  /** Another process accepts in place of this one: all roles go on with what is open, and nothing new comes. */
  retire(): void {
    for (const role of this.#serving) role.retire();
    this.control?.retire();
    void this.certificates?.stop();
  }

  /** Lets roles that have retired finish within `upgrade_timeout`, with goodbyes spread over the second half. */
  async windDown(times: Pick<Config['server'], 'upgradeTimeout' | 'drainTimeout'>): Promise<void> {
    const bound = [this.edge, this.fetch, ...this.mongrel2.all];
    await windDownAll(times, [this.proxy, this.workers, this.control], bound);
  }

  /** The process ends now: removes what roles would leave behind. */
  quit(): void {
    for (const role of this.mongrel2.all) role.quit();
  }

  /** Log files have been moved away: worker processes open that of the process again, and Mongrel2 servers theirs. */
  reopenLogs(): void {
    this.workers?.reopenLog();
    for (const role of this.mongrel2.all) role.reload();
  }

  /** All but the control port and the statistics. */
  get #serving() {
    const single = [this.proxy, this.workers, this.edge, this.fetch];
    return [...single.filter((role) => role !== null), ...this.mongrel2.all];
  }

  /** Has the clients of this node go to other nodes, spread over a time in milliseconds. Other roles drain meanwhile. */
  async #sendElsewhere(time: number): Promise<void> {
    const clients = this.workers ?? this.proxy;
    for (const role of this.#serving) {
      if (role === clients) role.retire();
      else role.drain();
    }
    await windDown([clients], time, 0);
  }

  async #whenEmpty(serving: readonly { whenEmpty(): Promise<void> }[]): Promise<void> {
    await Promise.all(serving.map((role) => role.whenEmpty()));
    this.control?.drain();
    await this.control?.whenEmpty();
  }
}
