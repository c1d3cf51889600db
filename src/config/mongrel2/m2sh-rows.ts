import { isDeepStrictEqual } from 'node:util';
import type { ConfigIssue } from '../config-error.ts';
import { suggestion } from '../suggest.ts';
import type { M2shClass, M2shEntry, M2shValue } from './m2sh-parser.ts';
import type { M2shPlace } from './m2sh-place.ts';
import {
  type HostRow,
  type RouteRow,
  type ServerRow,
  SITE_COLUMNS,
  type SiteCell,
  type SiteFields,
  type SitePlace,
  type SiteRows,
  type TargetRow,
} from './site-rows.ts';

const TARGETS = { Handler: 'handler', Proxy: 'proxy', Dir: 'dir' } as const;
const CLASSES = ['Server', 'Host', 'Handler', 'Proxy', 'Dir', 'Filter', 'Xrequest'];
const TOP = ['servers', 'settings', 'mimetypes'];

/** The rows that the assignments of an m2sh configuration stand for. */
export class M2shRows {
  /** What makes no sense. */
  readonly issues: ConfigIssue[] = [];
  /** Names that Mongrel2 does not know, which it takes and ignores. */
  readonly unknown: ConfigIssue[] = [];
  readonly #variables = new Map<string, M2shEntry>();
  readonly #used = new Set<string>(TOP);
  readonly #targets = new Map<M2shClass, TargetRow>();

  /** Reads the rows of `entries`. */
  read(entries: readonly M2shEntry[]): SiteRows {
    for (const entry of entries) {
      if (this.#variables.has(entry.key))
        this.#ignore(entry.place, entry.key, 'is assigned twice; the last one counts');
      this.#variables.set(entry.key, entry);
    }
    const servers = this.#top('servers', 'list');
    const settings = this.#top('settings', 'dict');
    const mimeTypes = this.#top('mimetypes', 'dict');
    const rows = {
      servers: (servers?.items ?? []).flatMap((item) => this.#server(item)),
      settings: this.#cells(settings?.entries ?? [], (key) => key),
      mimeTypes: this.#cells(mimeTypes?.entries ?? [], (key) => `mimetypes ${key}`),
    };
    for (const { key, place, value } of this.#variables.values()) {
      if (this.#used.has(key)) continue;
      const near = suggestion(key, TOP);
      if (near !== '') this.#ignore(place, key, `nothing refers to this name${near}`);
      if (value.kind === 'class' && !CLASSES.includes(value.name)) {
        this.#ignore(value.place, value.name, `unknown class${suggestion(value.name, CLASSES)}`);
      }
    }
    return rows;
  }

  #top<K extends 'list' | 'dict'>(name: string, kind: K): Extract<M2shValue, { kind: K }> | null {
    const entry = this.#variables.get(name);
    if (entry === undefined) return null;
    return this.#of(entry.value, kind, name);
  }

  #server(item: M2shValue): ServerRow[] {
    const server = this.#class(item, 'Server', 'servers');
    if (server === null) return [];
    const lists = ['hosts', 'filters', 'xrequests'];
    const { fields, others } = this.#fields(server, SITE_COLUMNS.server, lists);
    const listOf = (key: string): readonly M2shValue[] => {
      const entry = others.get(key);
      return entry === undefined ? [] : (this.#of(entry.value, 'list', `Server.${key}`)?.items ?? []);
    };
    const plugIns = [...listOf('filters'), ...listOf('xrequests')].flatMap((value) => this.#plugIn(value));
    const hosts = listOf('hosts').flatMap((value) => this.#host(value));
    return [{ place: placeOf('Server', server.place), fields, hosts, plugIns }];
  }

  #host(item: M2shValue): HostRow[] {
    const host = this.#class(item, 'Host', 'Server.hosts');
    if (host === null) return [];
    const { fields, others } = this.#fields(host, SITE_COLUMNS.host, ['routes']);
    const routes = others.get('routes');
    const dict = routes === undefined ? null : this.#of(routes.value, 'dict', 'Host.routes');
    return [
      {
        place: placeOf('Host', host.place),
        fields,
        routes: this.#once(dict?.entries ?? [], routeName).flatMap((entry) => this.#route(entry)),
      },
    ];
  }

  #route({ key, place, value }: M2shEntry): RouteRow[] {
    const route = routeName(key);
    const found = this.#resolve(value);
    if (found === null) return [];
    if (found.value.kind !== 'class' || !Object.hasOwn(TARGETS, found.value.name)) {
      const name = found.value.kind === 'class' ? found.value.name : null;
      const near = name === null ? '' : suggestion(name, Object.keys(TARGETS));
      this.#problem(
        found.value.place,
        route,
        `expected a Handler, Proxy or Dir, got ${shownValue(found.value)}${near}`,
      );
      return [];
    }
    const target = this.#targets.get(found.value) ?? this.#target(found.value, found.name);
    this.#targets.set(found.value, target);
    return [{ path: { text: key, place: placeOf(route, place) }, target }];
  }

  #target(target: M2shClass, name: string | null): TargetRow {
    const kind = TARGETS[target.name as keyof typeof TARGETS];
    const { fields } = this.#fields(target, SITE_COLUMNS[kind], []);
    return { kind, place: placeOf(target.name, target.place), name, fields };
  }

  #plugIn(value: M2shValue): SiteCell[] {
    const found = this.#resolve(value)?.value;
    if (found === undefined) return [];
    const name = found.kind === 'class' ? found.entries.find(({ key }) => key === 'name') : undefined;
    const path = name === undefined ? undefined : this.#resolve(name.value)?.value;
    const key = found.kind === 'class' ? found.name : 'Filter';
    return [{ text: path?.kind === 'text' ? path.text : '', place: placeOf(key, found.place) }];
  }

  /** The fields of a class that are texts or numbers, and those named in `compound`. */
  #fields(of: M2shClass, columns: readonly string[], compound: readonly string[]) {
    const others = new Map<string, M2shEntry>();
    const simple: M2shEntry[] = [];
    for (const entry of this.#once(of.entries, (key) => `${of.name}.${key}`)) {
      if (compound.includes(entry.key)) others.set(entry.key, entry);
      else if (columns.includes(entry.key)) simple.push(entry);
      else {
        const near = suggestion(entry.key, [...columns, ...compound]);
        this.#ignore(entry.place, `${of.name}.${entry.key}`, `unknown field${near}`);
      }
    }
    return { fields: this.#cells(simple, (key) => `${of.name}.${key}`), others };
  }

  #cells(entries: readonly M2shEntry[], nameOf: (key: string) => string): SiteFields {
    const cells = new Map<string, SiteCell>();
    for (const { key, value } of this.#once(entries, nameOf)) {
      const found = this.#resolve(value)?.value;
      if (found === undefined) continue;
      const name = nameOf(key);
      if (found.kind === 'text' || found.kind === 'number') {
        cells.set(key, { text: found.text, place: placeOf(name, value.place) });
      } else this.#problem(value.place, name, `expected a text or a number, got ${shownValue(found)}`);
    }
    return cells;
  }

  /** Each key once, with its last value. */
  #once(entries: readonly M2shEntry[], nameOf: (key: string) => string): M2shEntry[] {
    const last = new Map<string, M2shEntry>();
    for (const entry of entries) {
      if (last.has(entry.key)) this.#ignore(entry.place, nameOf(entry.key), 'is given twice; the last one counts');
      last.set(entry.key, entry);
    }
    return [...last.values()];
  }

  #class(item: M2shValue, name: string, where: string): M2shClass | null {
    const found = this.#resolve(item)?.value;
    if (found === undefined) return null;
    if (found.kind === 'class' && found.name === name) return found;
    const near = found.kind === 'class' && !CLASSES.includes(found.name) ? suggestion(found.name, CLASSES) : '';
    this.#problem(found.place, where, `expected a ${name}, got ${shownValue(found)}${near}`);
    return null;
  }

  #of<K extends 'list' | 'dict'>(value: M2shValue, kind: K, key: string): Extract<M2shValue, { kind: K }> | null {
    const found = this.#resolve(value)?.value;
    if (found === undefined || found.kind === kind) return (found ?? null) as Extract<M2shValue, { kind: K }> | null;
    this.#problem(value.place, key, `expected a ${kind}, got ${shownValue(found)}`);
    return null;
  }

  /** What a value stands for, and the last name that stands for it. */
  #resolve(value: M2shValue): { readonly value: M2shValue; readonly name: string | null } | null {
    let name: string | null = null;
    let found = value;
    for (let steps = 0; found.kind === 'name'; steps++) {
      name = found.text;
      const entry = this.#variables.get(name);
      if (entry === undefined || steps > this.#variables.size) {
        const reason =
          entry === undefined ? `no such name${suggestion(name, [...this.#variables.keys()])}` : 'stands for itself';
        this.#problem(found.place, name, reason);
        return null;
      }
      this.#used.add(name);
      found = entry.value;
    }
    return { value: found, name };
  }

  #problem(place: M2shPlace, key: string, message: string): void {
    note(this.issues, { key, ...place, message });
  }

  #ignore(place: M2shPlace, key: string, message: string): void {
    note(this.unknown, { key, ...place, message });
  }
}

/** What several servers refer to is read for each of them, and reported once. */
function note(issues: ConfigIssue[], issue: ConfigIssue): void {
  if (!issues.some((known) => isDeepStrictEqual(known, issue))) issues.push(issue);
}

function routeName(path: string): string {
  return `route ${JSON.stringify(path)}`;
}

function placeOf(key: string, { line, column }: M2shPlace): SitePlace {
  return { key, line, column };
}

function shownValue(value: M2shValue): string {
  if (value.kind === 'class') return value.name;
  return value.kind === 'text' || value.kind === 'number' ? JSON.stringify(value.text) : `a ${value.kind}`;
}
