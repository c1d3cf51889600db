import { z } from 'zod';
import { ConfigError } from './config-error.ts';
import { isPlainText, shown } from './plain-text.ts';
import { KEY_FORMS, keyProblem } from './resolve-key.ts';
import { BYTES, SECONDS, withUnit } from './with-unit.ts';

/** The documentation of a key. It is next to the schema that checks the key, so that neither is forgotten. */
export interface FieldDoc {
  /** What the key does: one or two sentences. */
  readonly doc: string;
  /** The accepted values, phrased to follow "expected". */
  readonly expected: string;
  /** Whether to hide the value when the configuration is shown: always, or where it is a URL with credentials. */
  readonly secret?: true | 'in-url';
}

/** The documentation of every key of the schema. */
export const fieldDocs = z.registry<FieldDoc>();

interface NumberField {
  readonly default: number;
  readonly from: number;
  readonly to: number;
  /** The meaning of 0, if it is allowed although it is below `from`; phrased to follow "or 0". */
  readonly zero?: string;
  readonly doc: string;
}

interface TextField {
  /** Empty if not given: an empty text is always accepted and means "not set". */
  readonly default?: string;
  readonly expected: string;
  readonly fits: (value: string) => boolean;
  readonly doc: string;
  readonly secret?: 'in-url';
}

/** A duration in seconds, fractions allowed, or a text with a unit. */
export const seconds = (field: NumberField) => number(field, 'a number of seconds', false, SECONDS);

/** A size in bytes, or a text with a unit. */
export const bytes = (field: NumberField) => number(field, 'a whole number of bytes', true, BYTES);

/** A number, fractions allowed. */
export const quantity = (field: NumberField) => number(field, 'a number', false);

/** A whole number. */
export const count = (field: NumberField) => number(field, 'a whole number', true);

/** A switch, off unless its default says otherwise. */
export function flag(field: { readonly default?: boolean; readonly doc: string }) {
  const expected = 'true or false';
  return z
    .boolean({ error: complaint(expected) })
    .default(field.default ?? false)
    .register(fieldDocs, { doc: field.doc, expected });
}

/** Text that is empty or passes `fits`. */
export function text(field: TextField) {
  const error = complaint(field.expected);
  return z
    .string({ error })
    .refine((value) => value === '' || field.fits(value), { error })
    .default(field.default ?? '')
    .register(fieldDocs, {
      doc: field.doc,
      expected: field.expected,
      ...(field.secret !== undefined && { secret: field.secret }),
    });
}

/** Text that can be logged. */
export function plainText(field: { readonly default?: string; readonly doc: string }) {
  return text({ ...field, expected: 'text without control characters', fits: isPlainText });
}

/** A key in one of the forms that `resolveKey` reads, or empty for none. */
export function secret(field: { readonly doc: string }) {
  return z
    .string({ error: () => `expected ${KEY_FORMS}` })
    .superRefine((key, context) => {
      const message = isPlainText(key) ? keyProblem(key) : 'a key must not contain control characters: use "base64:…"';
      if (message !== null) context.addIssue({ code: 'custom', message });
    })
    .default('')
    .register(fieldDocs, { doc: field.doc, expected: KEY_FORMS, secret: true });
}

/** One of a few words. */
export function choice<const T extends readonly [string, ...string[]]>(words: T) {
  const quoted = words.map((word) => `"${word}"`);
  const expected = `${quoted.slice(0, -1).join(', ')} or ${quoted.at(-1)}`;
  return { schema: z.enum(words, { error: complaint(expected) }), expected };
}

/**
 * A value written as text: `parse` reads it, or throws a `ConfigError` that says why not; `format` writes it so that `parse` reads it back.
 */
export function textCodec<T>(expected: string, parse: (text: string) => T, format: (value: T) => string) {
  return z.codec(z.string({ error: complaint(expected) }), z.custom<T>(), {
    decode: (input, context) => {
      try {
        return parse(input);
      } catch (error) {
        if (!(error instanceof ConfigError)) throw error;
        for (const { message } of error.issues) context.issues.push({ code: 'custom', message, input });
        return z.NEVER;
      }
    },
    encode: format,
  });
}

/** The same table with keys in camelCase: TOML has `header_timeout`, the code `headerTimeout`. */
export type CamelKeys<T> = {
  readonly [K in keyof T as CamelCase<K & string>]: T[K] extends (infer E)[] | undefined
    ? readonly E[] | Extract<T[K], undefined>
    : T[K];
};

type CamelCase<S extends string> = S extends `${infer Head}_${infer Tail}`
  ? `${Head}${Capitalize<CamelCase<Tail>>}`
  : S;

/** A table with exactly the given keys. It becomes an object with keys in camelCase. */
export function table<S extends z.ZodRawShape>(shape: S) {
  return camelKeys(z.strictObject(shape, { error: complaint('a table') }));
}

/** Converts the table's keys to camelCase and back: the only place where names change. */
export function camelKeys<O extends z.ZodObject>(object: O) {
  return z.codec(object, z.custom<CamelKeys<z.output<O>>>(), {
    decode: (value) => renameKeys(value, camelName) as CamelKeys<z.output<O>>,
    encode: (value) => renameKeys(value, snakeName) as z.output<O>,
  });
}

/** `headerTimeout` for `header_timeout`. */
export const camelName = remembered((key) => key.replace(/_(.)/g, (_, letter: string) => letter.toUpperCase()));

/** `header_timeout` for `headerTimeout`. */
export const snakeName = remembered((key) => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`));

/** `rename`, which is asked once for each name of the schema: a table has 45 of them, and there may be 10,000 tables. */
function remembered(rename: (key: string) => string): (key: string) => string {
  const names = new Map<string, string>();
  return (key) => {
    let name = names.get(key);
    if (name === undefined) {
      name = rename(key);
      names.set(key, name);
    }
    return name;
  };
}

/** The message for an unexpected value. */
export function complaint(expected: string): (issue: { readonly input?: unknown }) => string {
  return ({ input }) =>
    input === undefined ? `missing: expected ${expected}` : `expected ${expected}, got ${shown(input)}`;
}

function number(field: NumberField, kind: string, whole: boolean, units: Readonly<Record<string, number>> = {}) {
  const zero = field.zero === undefined ? '' : `, or 0 ${field.zero}`;
  const expected = `${kind} from ${field.from} to ${field.to}${zero}`;
  const error = complaint(expected);
  const fits = (value: number) =>
    ((value >= field.from && value <= field.to) || (field.zero !== undefined && value === 0)) &&
    (!whole || Number.isInteger(value)) &&
    !Object.is(value, -0); // would come back from TOML as 0
  const inUnits = (value: unknown) => (typeof value === 'string' ? (withUnit(value, units) ?? value) : value);
  return z
    .codec(z.unknown(), z.number({ error }).refine(fits, { error }), {
      decode: (value) => inUnits(value) as number,
      encode: (value) => value,
    })
    .default(field.default)
    .register(fieldDocs, { doc: field.doc, expected });
}

function renameKeys(object: object, rename: (key: string) => string): Record<string, unknown> {
  const renamed: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(object)) renamed[rename(key)] = value;
  return renamed;
}
