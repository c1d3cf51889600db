import { isDeepStrictEqual } from 'node:util';
import type { z } from 'zod';
import { mongrel2Tables } from './mongrel2-tables.ts';

type Table = Record<string, unknown>;

/** The table of a server, as the schema encodes it, with only the keys that are not as in an empty table. */
export function shortServer(server: Table): Table {
  const { settings, tls, handler, host } = server as {
    settings: Table;
    tls: Table | null;
    handler: Table;
    host: Table[];
  };
  const named = Object.entries(handler).map(([name, keys]) => [
    name,
    short('[edge.mongrel2.handler.NAME]', keys as Table),
  ]);
  return short('[[edge.mongrel2]]', {
    ...server,
    settings: short('[edge.mongrel2.settings]', settings),
    tls: tls && short('[edge.mongrel2.tls]', tls),
    handler: Object.fromEntries(named),
    host: host.map((keys) =>
      short('[[edge.mongrel2.host]]', {
        ...keys,
        route: (keys.route as Table[]).map((route) => short('[[edge.mongrel2.host.route]]', route)),
      }),
    ),
  });
}

/** The keys of the table below `[[edge.mongrel2]]` that a path leads to; null if it leads to none. */
export function mongrel2Keys(path: readonly PropertyKey[]): string[] | null {
  const [section, key, , table, , inHost] = path;
  if (section !== 'edge' || key !== 'mongrel2') return null;
  return Object.keys(mongrel2Tables[headingOf(table, inHost)]);
}

function headingOf(table: PropertyKey | undefined, inHost: PropertyKey | undefined): keyof typeof mongrel2Tables {
  if (table === 'host') return inHost === 'route' ? '[[edge.mongrel2.host.route]]' : '[[edge.mongrel2.host]]';
  if (table === 'handler') return '[edge.mongrel2.handler.NAME]';
  if (table === 'tls') return '[edge.mongrel2.tls]';
  return table === 'settings' ? '[edge.mongrel2.settings]' : '[[edge.mongrel2]]';
}

function short(heading: keyof typeof mongrel2Tables, table: Table): Table {
  const shape: z.ZodRawShape = mongrel2Tables[heading];
  return Object.fromEntries(
    Object.entries(table).filter(([key, value]) => {
      const { def } = shape[key] as z.ZodDefault;
      const optional = def.type === 'default' || (def.type as string) === 'prefault';
      return !optional || !isDeepStrictEqual(value, def.defaultValue);
    }),
  );
}
