import { DEFAULT_LIMITS, RequestHeadReader, ResponseHeadReader } from '../../../../src/codec/http1/index.ts';
import {
  acceptDeflate,
  acceptFields,
  type DeflateParameters,
  type Extension,
  HandshakeError,
  offerFields,
  readHandshake,
  readHandshakeResponse,
  type ValidHandshake,
} from '../../../../src/codec/websocket/index.ts';
import type { ProtocolCase } from '../../../support/cases.ts';

/**
 * What becomes of the head in a case with a handshake, one event a line.
 * @throws Error for kinds and options that `test/cases/websocket/README.md` does not explain
 */
export function handshakeEvents(protocolCase: ProtocolCase): string[] {
  const { kind, options, input } = protocolCase;
  if (kind === 'handshake request') return requestEvents(input, known(options, ['deflate']));
  if (kind === 'handshake response') return responseEvents(input, known(options, ['deflate', 'protocols']));
  throw new Error(`unknown kind of input: ${kind}`);
}

/** The key of every handshake in the documents: the one of RFC 6455 §1.3. */
const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

function requestEvents(input: Buffer, options: ReadonlyMap<string, string>): string[] {
  const head = new RequestHeadReader(DEFAULT_LIMITS).read(input, 0);
  if (head === null) throw new Error('the request head is not complete');
  const handshake = readHandshake(head);
  if (handshake === null) return ['no handshake'];
  if (!handshake.valid) {
    return [`refuse ${handshake.status} "${handshake.message}"`, ...fieldEvents(handshake.headers)];
  }
  return [
    ...handshake.protocols.map((protocol) => `protocol ${protocol}`),
    ...handshake.extensions.map((extension) => `extension ${describeExtension(extension)}`),
    ...acceptEvents(handshake, policyOf(options)),
  ];
}

function acceptEvents(handshake: ValidHandshake, policy: DeflateParameters | null): string[] {
  const deflate = policy === null ? null : acceptDeflate(handshake.extensions, policy);
  const fields = acceptFields(handshake, handshake.protocols[0] ?? null, deflate?.extension ?? null);
  return ['accept', ...fieldEvents(fields), ...deflateEvents(deflate?.parameters ?? null)];
}

function responseEvents(input: Buffer, options: ReadonlyMap<string, string>): string[] {
  const head = new ResponseHeadReader(DEFAULT_LIMITS).read(input, 0, 'GET');
  if (head === null) throw new Error('the response head is not complete');
  const offer = {
    key: KEY,
    protocols: options.get('protocols')?.split(' ') ?? [],
    deflate: policyOf(options),
    extensions: [],
  };
  const events = fieldEvents(offerFields(offer).slice(6));
  try {
    const { protocol, deflate } = readHandshakeResponse(head.headers, offer);
    return [...events, 'accept', ...(protocol === null ? [] : [`protocol ${protocol}`]), ...deflateEvents(deflate)];
  } catch (error) {
    if (error instanceof HandshakeError) return [...events, `refuse "${error.message}"`];
    throw error;
  }
}

function known(options: ReadonlyMap<string, string>, names: readonly string[]): ReadonlyMap<string, string> {
  for (const name of options.keys()) {
    if (!names.includes(name)) throw new Error(`unknown option: ${name}`);
  }
  return options;
}

/** The policy in `- deflate: server=10 client=15 server-alone client-alone`, each part being optional; null without the option. */
function policyOf(options: ReadonlyMap<string, string>): DeflateParameters | null {
  const text = options.get('deflate');
  if (text === undefined) return null;
  const parts = text === '' ? [] : text.split(' ');
  const bits = (side: string) =>
    Number(parts.find((part) => part.startsWith(`${side}=`))?.slice(side.length + 1) ?? 15);
  return {
    serverNoContextTakeover: parts.includes('server-alone'),
    clientNoContextTakeover: parts.includes('client-alone'),
    serverMaxWindowBits: bits('server'),
    clientMaxWindowBits: bits('client'),
  };
}

function deflateEvents(parameters: DeflateParameters | null): string[] {
  if (parameters === null) return [];
  const { serverMaxWindowBits, clientMaxWindowBits, serverNoContextTakeover, clientNoContextTakeover } = parameters;
  const server = `server=${serverMaxWindowBits}${serverNoContextTakeover ? ' server-alone' : ''}`;
  return [`deflate ${server} client=${clientMaxWindowBits}${clientNoContextTakeover ? ' client-alone' : ''}`];
}

function fieldEvents(fields: readonly string[]): string[] {
  const events: string[] = [];
  for (let i = 0; i < fields.length; i += 2) events.push(`field ${fields[i]}: ${fields[i + 1]}`);
  return events;
}

function describeExtension(extension: Extension): string {
  const parameters = extension.parameters.map(({ name, value }) => (value === null ? name : `${name}=${value}`));
  return [extension.name, ...parameters].join('; ');
}
