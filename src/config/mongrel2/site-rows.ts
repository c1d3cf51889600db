/** A value of a Mongrel2 configuration as text, and where it stands. */
export interface SiteCell {
  readonly text: string;
  readonly place: SitePlace;
}

/** Where a value stands: in a file, or in a row of a database. */
export interface SitePlace {
  /** The column, perhaps after the name of its class or table: `Server.port`. */
  readonly key: string;
  /** From 1; null in a database. */
  readonly line: number | null;
  readonly column: number | null;
}

/** The columns of a row that are set, by name. */
export type SiteFields = ReadonlyMap<string, SiteCell>;

/** What Mongrel2 keeps in its database, from whatever form. */
export interface SiteRows {
  readonly servers: readonly ServerRow[];
  readonly settings: SiteFields;
  /** By extension. */
  readonly mimeTypes: SiteFields;
}

export interface ServerRow {
  readonly place: SitePlace;
  readonly fields: SiteFields;
  readonly hosts: readonly HostRow[];
  /** The `.so` files of filters and xrequests. */
  readonly plugIns: readonly SiteCell[];
}

export interface HostRow {
  readonly place: SitePlace;
  readonly fields: SiteFields;
  readonly routes: readonly RouteRow[];
}

export interface RouteRow {
  readonly path: SiteCell;
  /** Routes to the same row have the same object. */
  readonly target: TargetRow;
}

export interface TargetRow {
  readonly kind: 'handler' | 'proxy' | 'dir';
  readonly place: SitePlace;
  /** What it is called where it is defined; null without a name. */
  readonly name: string | null;
  readonly fields: SiteFields;
}

/** The columns of each table that mean something. */
export const SITE_COLUMNS = {
  server: [
    ...['uuid', 'name', 'chroot', 'access_log', 'error_log', 'pid_file', 'default_host', 'port', 'bind_addr'],
    ...['use_ssl', 'error_log_level', 'control_port'],
  ],
  host: ['name', 'matching', 'maintenance'],
  handler: ['send_spec', 'send_ident', 'recv_spec', 'recv_ident', 'raw_payload', 'protocol'],
  proxy: ['addr', 'port'],
  dir: ['base', 'index_file', 'default_ctype', 'cache_ttl'],
} as const;
