import { type Config, hasProxy } from '../config/index.ts';
import { type Life, metricsService, operationsOf } from '../control/index.ts';
import type { Addresses } from './addresses.ts';
import type { AppCounters } from './app-counters.ts';
import type { AppRoles } from './app-roles.ts';
import type { CertificateWatch } from './certificate-watch.ts';
import { controlBackendOf } from './control-backend-of.ts';
import { ControlRole, type ControlRoleOptions } from './control-role.ts';
import { dashboardPages } from './dashboard-pages.ts';
import type { ProcessTable } from './metrics/process-table.ts';
import { prometheusText } from './metrics/prometheus-text.ts';
import type { ProxyMetrics } from './proxy-metrics.ts';
import type { Reloads } from './reloads.ts';
import { rolesOf } from './roles-of.ts';
import type { ConfigurationState, StatusSources } from './status-of.ts';
import type { Upgrader } from './upgrade/upgrader.ts';

/** What the control port shows and changes. */
interface ControlMeans extends Pick<ControlRoleOptions, 'wheel' | 'log' | 'observer' | 'publisher' | 'sessions'> {
  /** Where the program is in its life. */
  readonly life: () => Life;
  /** When it was started. */
  readonly started: Date;
  readonly addresses: Addresses;
  readonly certificates: CertificateWatch;
  readonly counters: AppCounters;
  readonly processes: ProcessTable;
  readonly roles: AppRoles;
  /** Whether outbound requests are made. */
  readonly fetches: boolean;
  readonly configuration: ConfigurationState;
  /** Null where the configuration cannot be read again. */
  readonly reloads: Reloads | null;
  readonly upgrader: Upgrader;
  /** The process that this one replaces; null for none. */
  readonly old: StatusSources['old'];
}

/** The control port of a program that was started with this configuration. */
export function newControl(config: Config, means: ControlMeans): ControlRole {
  const { life, started, addresses, processes, roles, fetches, configuration, reloads, upgrader } = means;
  const { registry, control: counters } = means.counters;
  const { wheel, log, observer, publisher, sessions, certificates, old } = means;
  const snapshots = roles.proxy.prepare();
  const proxyMetrics = (): ProxyMetrics | null =>
    hasProxy(config.server) ? (roles.workers ?? roles.proxy).metrics : null;
  const statusSources = (): StatusSources => ({
    state: life(),
    started,
    ...rolesOf(config, addresses),
    configuration,
    registry,
    process: processes.own,
    hub: proxyMetrics()?.hub ?? null,
    certificates,
    history: roles.history,
    old,
  });
  const backend = controlBackendOf({
    config: () => snapshots.current.config,
    life,
    statusSources,
    errors: () => processes.errors,
    registry,
    roles: () => roles,
    fetches,
    report: { counters, log },
    upgrader,
    reloads,
  });
  return new ControlRole({
    ...{ wheel, log, observer, counters, publisher, sessions },
    snapshots,
    metrics: metricsService(() =>
      prometheusText({
        ...{ registry, proxy: proxyMetrics(), processes, timers: wheel.size, certificates },
        history: roles.history,
        cluster: roles.cluster,
      }),
    ),
    pages: dashboardPages(registry, log, wheel),
    operations: operationsOf(backend),
  });
}
