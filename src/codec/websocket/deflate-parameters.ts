import { type Extension, formatExtension } from './extensions.ts';
import { HandshakeError } from './websocket-error.ts';

/**
 * How messages are compressed in each direction (RFC 7692 §7.1): as agreed or, as a policy, as wanted by one side. A policy has windows of 9 to 15
 * bits: zlib cannot compress with 8.
 */
export interface DeflateParameters {
  /** The server compresses each message by itself. */
  readonly serverNoContextTakeover: boolean;
  /** The client compresses each message by itself. */
  readonly clientNoContextTakeover: boolean;
  /** Size of the window that the server compresses with, as a power of two: 9 to 15. */
  readonly serverMaxWindowBits: number;
  /** Size of the window that the client compresses with, as a power of two: 8 to 15. */
  readonly clientMaxWindowBits: number;
}

/** Context takeover and the largest window in both directions. */
export const DEFAULT_DEFLATE: DeflateParameters = {
  serverNoContextTakeover: false,
  clientNoContextTakeover: false,
  serverMaxWindowBits: 15,
  clientMaxWindowBits: 15,
};

const NAME = 'permessage-deflate';

/** zlib cannot compress with a smaller window. */
const MIN_BITS = 9;
const MAX_BITS = 15;

/** What a server does with a client's offers. */
export interface AcceptedDeflate {
  readonly parameters: DeflateParameters;
  /** Value of the response's Sec-WebSocket-Extensions. */
  readonly extension: string;
}

/**
 * Takes the first of a client's offers that a server with `policy` can accept; null without one. An offer with a parameter that is unknown, invalid
 * or repeated is declined (RFC 7692 §7.1), and so is one that asks for an 8-bit window from us.
 */
export function acceptDeflate(offers: readonly Extension[], policy: DeflateParameters): AcceptedDeflate | null {
  for (const extension of offers) {
    const offer = extension.name === NAME ? parseParameters(extension, true) : null;
    if (offer === null || (offer.serverBits ?? MAX_BITS) < MIN_BITS) continue;
    const parameters = {
      serverNoContextTakeover: offer.serverNoContextTakeover || policy.serverNoContextTakeover,
      clientNoContextTakeover: offer.clientNoContextTakeover || policy.clientNoContextTakeover,
      serverMaxWindowBits: Math.min(offer.serverBits ?? MAX_BITS, policy.serverMaxWindowBits),
      // RFC 7692 §7.1.2.2: only a client that named the parameter can be held to a smaller window.
      clientMaxWindowBits:
        offer.clientBits === null ? MAX_BITS : Math.min(offer.clientBits, policy.clientMaxWindowBits),
    };
    // RFC 7692 §7.1.2.1: an offered limit is accepted by naming it in the response.
    return { parameters, extension: format(parameters, offer.serverBits !== null) };
  }
  return null;
}

/**
 * Value of Sec-WebSocket-Extensions with which a client asks for `policy`. A limit for the client is named only if `policy` has one: so a server
 * cannot insist on 8 bits.
 */
export function offerDeflate(policy: DeflateParameters): string {
  return format(policy, false);
}

/**
 * Parses a server's response to `offerDeflate(policy)`; null if it uses no extension.
 * @param policy null if nothing was offered
 * @throws HandshakeError for a response that the offer does not allow (RFC 7692 §7.1, RFC 6455 §4.1), or a window of 8 bits for
 *   this side
 */
export function readDeflateResponse(
  extensions: readonly Extension[],
  policy: DeflateParameters | null,
): DeflateParameters | null {
  const [extension] = extensions;
  if (extension === undefined) return null;
  if (policy === null || extensions.length > 1 || extension.name !== NAME) {
    throw new HandshakeError('server uses an extension that was not offered');
  }
  const response = parseParameters(extension, false);
  if (response === null) throw new HandshakeError(`invalid ${NAME} parameters`);
  const { serverNoContextTakeover, serverBits, clientBits } = response;
  const limited = policy.serverMaxWindowBits < MAX_BITS;
  if (
    (policy.serverNoContextTakeover && !serverNoContextTakeover) ||
    (limited && (serverBits ?? MAX_BITS) > policy.serverMaxWindowBits) ||
    (clientBits !== null && policy.clientMaxWindowBits === MAX_BITS)
  ) {
    throw new HandshakeError(`${NAME} parameters that were not offered`);
  }
  if ((clientBits ?? MAX_BITS) < MIN_BITS) throw new HandshakeError(`unsupported ${NAME} window of ${clientBits} bits`);
  return {
    serverNoContextTakeover,
    clientNoContextTakeover: response.clientNoContextTakeover || policy.clientNoContextTakeover,
    serverMaxWindowBits: serverBits ?? MAX_BITS,
    clientMaxWindowBits: Math.min(clientBits ?? MAX_BITS, policy.clientMaxWindowBits),
  };
}

/** The parameters of one offer or response; bits are null if not named. */
interface Parsed {
  serverNoContextTakeover: boolean;
  clientNoContextTakeover: boolean;
  serverBits: number | null;
  clientBits: number | null;
}

/** Null for unknown, invalid or repeated parameters. */
function parseParameters(extension: Extension, isOffer: boolean): Parsed | null {
  const parsed: Parsed = {
    serverNoContextTakeover: false,
    clientNoContextTakeover: false,
    serverBits: null,
    clientBits: null,
  };
  const { parameters } = extension;
  if (new Set(parameters.map(({ name }) => name)).size < parameters.length) return null;
  for (const { name, value } of parameters) {
    if (name === 'server_no_context_takeover' && value === null) parsed.serverNoContextTakeover = true;
    else if (name === 'client_no_context_takeover' && value === null) parsed.clientNoContextTakeover = true;
    else if (name === 'server_max_window_bits' && isBits(value)) parsed.serverBits = Number(value);
    else if (name === 'client_max_window_bits' && isBits(value)) parsed.clientBits = Number(value);
    // RFC 7692 §7.1.2.2: without a value the client only says that it supports the parameter.
    else if (name === 'client_max_window_bits' && value === null && isOffer) parsed.clientBits = MAX_BITS;
    else return null;
  }
  return parsed;
}

/** RFC 7692 §7.1.2: a decimal from 8 to 15 without leading zeros. */
function isBits(value: string | null): boolean {
  return value !== null && /^(?:[89]|1[0-5])$/.test(value);
}

/** @param nameServerBits whether the server's window is named even if it is the largest one */
function format(parameters: DeflateParameters, nameServerBits: boolean): string {
  const { serverMaxWindowBits, clientMaxWindowBits } = parameters;
  const named: { name: string; value: string | null }[] = [];
  if (parameters.serverNoContextTakeover) named.push({ name: 'server_no_context_takeover', value: null });
  if (parameters.clientNoContextTakeover) named.push({ name: 'client_no_context_takeover', value: null });
  if (nameServerBits || serverMaxWindowBits < MAX_BITS) {
    named.push({ name: 'server_max_window_bits', value: String(serverMaxWindowBits) });
  }
  if (clientMaxWindowBits < MAX_BITS)
    named.push({ name: 'client_max_window_bits', value: String(clientMaxWindowBits) });
  return formatExtension({ name: NAME, parameters: named });
}
