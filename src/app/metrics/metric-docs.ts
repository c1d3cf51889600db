/** What a metric is, for Prometheus and for the reference. */
export interface MetricDoc {
  readonly type: 'counter' | 'gauge' | 'histogram' | 'summary';
  readonly help: string;
  readonly labels?: readonly LabelName[];
}

/** What each label says. */
export const LABEL_DOCS = {
  route:
    'the `id` of the route, or, for a route without one, its host, protocol, use of TLS and path: `*,*,*,/api`. The first 500 routes have samples of their own, all others together those of `other`',
  target: 'the target as the route has it; with the 501st the targets are counted together as `other`',
  class: 'the class of the status: `1xx` to `5xx`',
  code: 'the code of the failure, see [errors](errors.md)',
  certificate:
    'the name of the files without `.crt`, or the one that the certificate was set or ordered for. The 500 certificates that expire first have samples',
  source:
    '`file` (folders of `[server]` and `[edge]`), `overlay` (set by the control API), `acme` (ordered by the server) or `mongrel2` (folders of Mongrel2 servers)',
  process: '`main`, or the place of a worker process, such as `proxy-1` or `edge-2`',
  kind: '`minor`, `major`, `incremental` or `weakcb`',
  quantile: '0.5, 0.9, 0.99 and 1 (the maximum), of the last 10 seconds or more',
  version: 'the version of Holdfast',
  node: 'the version of Node.js',
} as const;

/** The name of a label. */
export type LabelName = keyof typeof LABEL_DOCS;

/** All metrics but the counters of rooms, by the headings of the reference. */
export const METRIC_GROUPS = {
  'Routes and targets': {
    holdfast_route_requests_total: { type: 'counter', help: 'Requests of clients.', labels: ['route'] },
    holdfast_route_responses_total: {
      type: 'counter',
      help: 'Responses of origins by class of status.',
      labels: ['route', 'class'],
    },
    holdfast_route_failures_total: {
      type: 'counter',
      help: 'Requests without a valid response of any target.',
      labels: ['route'],
    },
    holdfast_route_refused_total: { type: 'counter', help: 'Requests without a valid token.', labels: ['route'] },
    holdfast_route_limited_total: {
      type: 'counter',
      help: 'Requests above the limit for one client.',
      labels: ['route'],
    },
    holdfast_origin_response_seconds: {
      type: 'histogram',
      help: 'Time from sending a request to an origin until the head of its response.',
      labels: ['route'],
    },
    holdfast_target_suspect: {
      type: 'gauge',
      help: 'Whether a target is passed over (1), because it refused connections or failed its check. Routes with one target have none.',
      labels: ['route', 'target'],
    },
  },
  'The hub': {
    holdfast_held_clients: { type: 'gauge', help: 'Clients that are held.' },
    holdfast_channels: { type: 'gauge', help: 'Channels and patterns with a client.' },
    holdfast_undelivered_bytes: {
      type: 'gauge',
      help: 'Bytes of items that were accepted and are not delivered yet.',
    },
    holdfast_backlog_bytes: { type: 'gauge', help: 'Bytes of items that wait for slow clients.' },
    holdfast_publishers_waiting: { type: 'gauge', help: 'Publishers that wait for their turn.' },
    holdfast_delivery_seconds: {
      type: 'histogram',
      help: 'Time from accepting an item until it was delivered to all subscribers.',
    },
  },
  'The history of channels': {
    holdfast_history_degraded: {
      type: 'gauge',
      help: 'Whether items are not written to the disk (1), although the configuration says so: they are kept in memory only.',
    },
  },
  'A node of a cluster': {
    holdfast_cluster_up: {
      type: 'gauge',
      help: 'Whether the broker is there (1) or away (0). There is none without `[cluster]`.',
    },
    holdfast_cluster_nodes: { type: 'gauge', help: 'Nodes that this node knows of, itself included.' },
  },
  Failures: {
    holdfast_errors_total: {
      type: 'counter',
      help: 'Failures by code, also those that another target or a further try made good.',
      labels: ['code'],
    },
    holdfast_error_last_timestamp_seconds: {
      type: 'gauge',
      help: 'When a failure with this code came last. A code that never came has none.',
      labels: ['code'],
    },
  },
  Certificates: {
    holdfast_certificate_expiry_timestamp_seconds: {
      type: 'gauge',
      help: 'When a certificate of a listener expires. Certificates are looked at once a minute.',
      labels: ['certificate', 'source'],
    },
  },
  'The program': {
    holdfast_build_info: { type: 'gauge', help: 'The version that runs, always 1.', labels: ['version', 'node'] },
    holdfast_timers: { type: 'gauge', help: 'Timers that wait: deadlines of connections, requests and items.' },
  },
  'Each process': {
    process_cpu_seconds_total: { type: 'counter', help: 'CPU time, user and system.', labels: ['process'] },
    process_start_time_seconds: { type: 'gauge', help: 'When the process started.', labels: ['process'] },
    process_resident_memory_bytes: { type: 'gauge', help: 'Memory of the process (RSS).', labels: ['process'] },
    process_open_fds: {
      type: 'gauge',
      help: 'File descriptors that are open: sockets and files.',
      labels: ['process'],
    },
    process_max_fds: { type: 'gauge', help: 'File descriptors that may be open.', labels: ['process'] },
    holdfast_heap_used_bytes: { type: 'gauge', help: 'Memory that JavaScript objects take.', labels: ['process'] },
    holdfast_heap_size_bytes: {
      type: 'gauge',
      help: 'Memory that is there for JavaScript objects.',
      labels: ['process'],
    },
    holdfast_heap_limit_bytes: {
      type: 'gauge',
      help: 'The size of the heap at which the process ends, see `--max-old-space-size` of Node.js.',
      labels: ['process'],
    },
    holdfast_external_memory_bytes: {
      type: 'gauge',
      help: 'Memory of buffers, outside of the heap.',
      labels: ['process'],
    },
    holdfast_event_loop_lag_seconds: {
      type: 'summary',
      help: 'How late the event loop comes to what is due. Looks are taken every 20 ms.',
      labels: ['process', 'quantile'],
    },
    holdfast_gc_seconds_total: {
      type: 'counter',
      help: 'Time that the garbage collector took.',
      labels: ['process', 'kind'],
    },
    holdfast_gc_runs_total: { type: 'counter', help: 'Runs of the garbage collector.', labels: ['process', 'kind'] },
  },
} as const satisfies Record<string, Record<string, MetricDoc>>;

type Groups = typeof METRIC_GROUPS;

/** The name of a metric of the table. */
export type MetricName = { [G in keyof Groups]: keyof Groups[G] }[keyof Groups] & string;

/** The metrics of all groups. */
export const METRICS: Readonly<Record<MetricName, MetricDoc>> = Object.assign({}, ...Object.values(METRIC_GROUPS));
