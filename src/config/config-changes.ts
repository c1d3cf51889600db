import { z } from 'zod';
import { formatValue } from './format-config.ts';
import { isReloadable } from './reloadable-keys.ts';
import { sameValue } from './same-value.ts';
import { type Config, sections } from './schema.ts';
import { camelName, fieldDocs } from './section-fields.ts';

/** A key of a section whose value is another one. */
export interface ConfigChange {
  /** Such as `server.max_connections`. */
  readonly key: string;
  /** The values as TOML has them, cut at 100 characters; null for a secret, and for what is too large to show. */
  readonly from: string | null;
  readonly to: string | null;
}

/** Lists of tables, which may have secrets in them, or are long. */
const HIDDEN = ['mongrel2', 'user'];

/** Characters of a value that are shown. */
const SHOWN = 100;

/** The keys of sections, not of routes, in which two configurations differ. */
export function configChanges(before: Config, after: Config): ConfigChange[] {
  const changes: ConfigChange[] = [];
  for (const [name, { shape }] of Object.entries(sections)) {
    const [old, now] = [valuesOf(before, name), valuesOf(after, name)];
    for (const [key, schema] of Object.entries(shape as z.ZodRawShape)) {
      const [from, to] = [old[camelName(key)], now[camelName(key)]];
      if (sameValue(from, to)) continue;
      const shown = (value: unknown) => shownValue(schema as z.ZodType, key, value);
      changes.push({ key: `${name}.${key}`, from: shown(from), to: shown(to) });
    }
  }
  if (!sameValue(before.channels, after.channels)) changes.push({ key: 'channel', from: null, to: null });
  if (!sameValue(before.webhooks, after.webhooks)) changes.push({ key: 'webhook', from: null, to: null });
  return changes;
}

/** `next`, with the values of `running` for the keys that need a restart. */
export function withRunningKeys(running: Config, next: Config): Config {
  const merged: Record<string, unknown> = { ...next };
  for (const name of Object.keys(sections))
    merged[camelName(name)] = withRunningFields(name, valuesOf(running, name), valuesOf(next, name));
  return merged as unknown as Config;
}

/** The same for one section, or for what has all fields of one. */
export function withRunningFields<T extends object>(section: string, running: T, next: T): T {
  const { shape } = sections[section as keyof typeof sections];
  const merged = { ...next } as Record<string, unknown>;
  for (const key of Object.keys(shape)) {
    const name = camelName(key);
    if (!isReloadable(`${section}.${key}`)) merged[name] = running[name as keyof T];
  }
  return merged as unknown as T;
}

function valuesOf(config: Config, section: string): Readonly<Record<string, unknown>> {
  return config[camelName(section) as keyof Config] as unknown as Readonly<Record<string, unknown>>;
}

function shownValue(schema: z.ZodType, key: string, value: unknown): string | null {
  if (fieldDocs.get(schema)?.secret === true || HIDDEN.includes(key)) return null;
  const encoded = z.safeEncode(schema, value);
  const text = formatValue(encoded.data ?? '');
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}…` : text;
}
