import { z } from 'zod';
import { textError } from './config-error.ts';
import { parseFileMode } from './listen-address.ts';
import { shown } from './plain-text.ts';
import { complaint, fieldDocs, textCodec } from './section-fields.ts';

/** Maximum length of a ZHTTP address in bytes: peers refuse longer ones. */
export const MAX_ID_BYTES = 64;

const ID_FORMS = `1 to ${MAX_ID_BYTES} bytes of text without white space and control characters`;
const FILE_MODE_FORMS = 'an octal number in quotes from "0" to "777"';

/** Our address in ZHTTP. */
export const zhttpId = (field: { readonly doc: string }) =>
  textCodec(ID_FORMS, parseZhttpId, (id) => id)
    .prefault('holdfast')
    .register(fieldDocs, { doc: field.doc, expected: ID_FORMS });

/** A list of texts for ZeroMQ endpoints, each read by `parse` and written by `format`. */
export function endpointList<T>(forms: string, parse: (text: string) => T, format: (value: T) => string) {
  return z.array(textCodec(forms, parse, format), { error: complaint('a list of endpoints') });
}

/** Permissions of socket files; null leaves them to the umask. */
export const ipcFileMode = () =>
  textCodec(FILE_MODE_FORMS, parseIpcMode, (mode) => (mode === null ? '' : mode.toString(8)))
    .prefault('')
    .register(fieldDocs, {
      doc: 'Permissions of the socket files of bound `ipc://` endpoints. If empty or "0", the umask decides.',
      expected: FILE_MODE_FORMS,
    });

/** A ZHTTP address starts a message and ends at a space. Throws a `ConfigError`. */
export function parseZhttpId(text: string): string {
  const length = Buffer.byteLength(text);
  if (length === 0 || length > MAX_ID_BYTES || /[\s\p{Cc}\p{Cs}]/u.test(text)) {
    throw textError(`expected ${ID_FORMS}, got ${shown(text)}`);
  }
  return text;
}

/** Condure's 0 means "not set", so no mode can mean "no permissions", which would be useless. Throws a `ConfigError`. */
export function parseIpcMode(text: string): number | null {
  const mode = text === '' ? 0 : parseFileMode(text);
  return mode === 0 ? null : mode;
}
