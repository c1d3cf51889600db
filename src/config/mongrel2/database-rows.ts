import type { ConfigIssue } from '../config-error.ts';
import { shown } from '../plain-text.ts';
import type { M2shSite } from './mongrel2-conf.ts';
import {
  type HostRow,
  type RouteRow,
  type ServerRow,
  SITE_COLUMNS,
  type SiteCell,
  type SiteFields,
  type SitePlace,
  type TargetRow,
} from './site-rows.ts';

/** A row of a table, as SQLite writes it in JSON. */
export type DatabaseRow = Readonly<Record<string, unknown>>;

/** The rows of the tables of a config.sqlite. An absent table is empty. */
export type DatabaseTables = Readonly<Partial<Record<(typeof DATABASE_TABLES)[number], readonly DatabaseRow[]>>>;

/** The tables that mean something. */
export const DATABASE_TABLES = [
  ...(['server', 'host', 'route', 'handler', 'proxy', 'directory', 'setting', 'mimetype'] as const),
  ...(['filter', 'xrequest'] as const),
] as const;

const TARGET_TABLES = {
  handler: ['handler', 'handler'],
  proxy: ['proxy', 'proxy'],
  dir: ['directory', 'dir'],
} as const;

/** What the tables of a config.sqlite say. */
export function databaseSite(tables: DatabaseTables): M2shSite {
  const reader = new DatabaseReader(tables);
  return {
    rows: {
      servers: (tables.server ?? []).map((row) => reader.server(row)),
      settings: reader.pairs('setting', 'key', 'value'),
      mimeTypes: reader.pairs('mimetype', 'extension', 'mimetype'),
    },
    issues: reader.issues,
    unknown: [],
  };
}

class DatabaseReader {
  readonly issues: ConfigIssue[] = [];
  readonly #tables: DatabaseTables;
  readonly #targets = new Map<DatabaseRow, TargetRow>();

  constructor(tables: DatabaseTables) {
    this.#tables = tables;
  }

  server(row: DatabaseRow): ServerRow {
    const plugIns = (['filter', 'xrequest'] as const).flatMap((table) =>
      this.#rows(table, 'server_id', row.id).map((plugIn) => cellOf(plugIn.name, placeOf(table, plugIn))),
    );
    return {
      place: placeOf('server', row),
      fields: fieldsOf('server', row, SITE_COLUMNS.server),
      hosts: this.#rows('host', 'server_id', row.id).map((host) => this.#host(host)),
      plugIns,
    };
  }

  /** The cells of a table of keys and values. */
  pairs(table: 'setting' | 'mimetype', key: string, value: string): SiteFields {
    const pairs = new Map<string, SiteCell>();
    for (const row of this.#tables[table] ?? []) {
      const name = textOf(row[key]);
      pairs.set(name, cellOf(row[value], { key: `${table} ${name}`, line: null, column: null }));
    }
    return pairs;
  }

  #host(row: DatabaseRow): HostRow {
    return {
      place: placeOf('host', row),
      fields: fieldsOf('host', row, SITE_COLUMNS.host),
      routes: this.#rows('route', 'host_id', row.id).flatMap((route) => this.#route(route)),
    };
  }

  #route(row: DatabaseRow): RouteRow[] {
    const place = placeOf('route', row);
    const type = textOf(row.target_type);
    if (!Object.hasOwn(TARGET_TABLES, type)) {
      this.issues.push({ ...place, message: `expected the target_type handler, proxy or dir, got ${shown(type)}` });
      return [];
    }
    const [table, kind] = TARGET_TABLES[type as keyof typeof TARGET_TABLES];
    const target = this.#rows(table, 'id', row.target_id)[0];
    if (target === undefined) {
      this.issues.push({ ...place, message: `there is no row ${textOf(row.target_id)} in the table ${table}` });
      return [];
    }
    const known = this.#targets.get(target) ?? {
      kind,
      place: placeOf(table, target),
      name: `${table}${textOf(target.id)}`,
      fields: fieldsOf(table, target, SITE_COLUMNS[kind]),
    };
    this.#targets.set(target, known);
    return [{ path: cellOf(row.path, place), target: known }];
  }

  #rows(table: keyof DatabaseTables, column: string, value: unknown): DatabaseRow[] {
    return (this.#tables[table] ?? []).filter((row) => row[column] === value);
  }
}

function fieldsOf(table: string, row: DatabaseRow, columns: readonly string[]): SiteFields {
  const place = placeOf(table, row);
  const set = columns.filter((column) => row[column] !== undefined && row[column] !== null);
  return new Map(set.map((column) => [column, cellOf(row[column], { ...place, key: `${place.key}.${column}` })]));
}

function cellOf(value: unknown, place: SitePlace): SiteCell {
  return { text: textOf(value), place };
}

function placeOf(table: string, row: DatabaseRow): SitePlace {
  return { key: `${table} ${textOf(row.id)}`, line: null, column: null };
}

function textOf(value: unknown): string {
  return value === null || value === undefined ? '' : String(value);
}
