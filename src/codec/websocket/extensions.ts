import { listMembers } from '../fields/index.ts';
import { isToken } from '../http1/index.ts';
import { HandshakeError } from './websocket-error.ts';

/** One extension as an offer or a response names it (RFC 6455 §9.1). */
export interface Extension {
  readonly name: string;
  /** In order, repeated ones too; the value is null if absent. */
  readonly parameters: readonly { readonly name: string; readonly value: string | null }[];
}

/** `token`, optionally with a value: a token, perhaps in quotes (RFC 6455 §9.1). */
const PARAMETER = /^[ \t]*([^\s=";]+)[ \t]*(?:=[ \t]*(?:([^\s=";]+)|"((?:[^"\\]|\\.)*)")[ \t]*)?$/;

/**
 * The extensions in the values of Sec-WebSocket-Extensions, in order.
 * @throws HandshakeError for a syntax error, which fails the handshake (RFC 6455 §9.1)
 */
export function parseExtensions(values: readonly string[]): Extension[] {
  return listMembers(values).map((member) => {
    const [name, ...parameters] = member.split(';').map(parseParameter);
    if (name === undefined || name.value !== null) throw invalid();
    return { name: name.name, parameters };
  });
}

/**
 * The name of the extension in a member of Sec-WebSocket-Extensions, in lower case. Parameters are ignored: GRIP has one that RFC 6455 §9.1 does not
 * allow (`message-prefix=""`).
 */
export function extensionName(member: string): string {
  const end = member.indexOf(';');
  return (end < 0 ? member : member.slice(0, end)).trim().toLowerCase();
}

/** The value of Sec-WebSocket-Extensions that names `extension`. */
export function formatExtension(extension: Extension): string {
  const parameters = extension.parameters.map(({ name, value }) => (value === null ? name : `${name}=${value}`));
  return [extension.name, ...parameters].join('; ');
}

function parseParameter(text: string): { name: string; value: string | null } {
  const [, name = '', plain, quoted] = PARAMETER.exec(text) ?? [];
  const value = plain ?? quoted?.replace(/\\(.)/g, '$1') ?? null;
  // RFC 6455 §9.1: a quoted value is a token too, so no separator can hide there.
  if (!isToken(name) || (value !== null && !isToken(value))) throw invalid();
  return { name, value };
}

function invalid(): HandshakeError {
  return new HandshakeError('invalid Sec-WebSocket-Extensions');
}
