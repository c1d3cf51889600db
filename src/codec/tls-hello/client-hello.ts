/** What is asked of a TLS server at first, as far as it is looked at. */
export interface ClientHello {
  /** The host that the client names (RFC 6066 §3), in lower case; empty for none. */
  readonly serverName: string;
  /** Application protocols that it offers (RFC 7301). */
  readonly protocols: readonly string[];
}

/** Bytes of a ClientHello that are read. Those of clients have some 2,000. */
export const MAX_HELLO_BYTES = 16_384;

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
const RECORD_HEADER = 5;
const MESSAGE_HEADER = 4;
const SERVER_NAME = 0;
const ALPN = 16;
const HOST_NAME = 0;

/**
 * Reads the ClientHello that a TLS connection begins with (RFC 8446 §4.1.2), which may be in several records (§5.1).
 * @returns null where more bytes are needed; undefined where the bytes are no ClientHello, or one that is too long
 */
export function readClientHello(bytes: Buffer): ClientHello | null | undefined {
  const message = handshakeBytes(bytes);
  if (message === undefined) return undefined;
  if (message.length < MESSAGE_HEADER) return tooLong(bytes);
  if (message[0] !== CLIENT_HELLO) return undefined;
  const length = message.readUIntBE(1, 3);
  if (length > MAX_HELLO_BYTES) return undefined;
  if (message.length < MESSAGE_HEADER + length) return tooLong(bytes);
  try {
    return readBody(new Fields(message.subarray(MESSAGE_HEADER, MESSAGE_HEADER + length)));
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

function tooLong(bytes: Buffer): null | undefined {
  return bytes.length > MAX_HELLO_BYTES ? undefined : null;
}

/** What the records bring of the handshake so far; undefined for bytes that are no such records. */
function handshakeBytes(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length; ) {
    if (bytes[at] !== HANDSHAKE || (at + 1 < bytes.length && bytes[at + 1] !== 3)) return undefined;
    if (bytes.length < at + RECORD_HEADER) break;
    const length = bytes.readUInt16BE(at + 3);
    if (length === 0) return undefined;
    parts.push(bytes.subarray(at + RECORD_HEADER, at + RECORD_HEADER + length));
    at += RECORD_HEADER + length;
  }
  return parts.length === 1 ? parts[0] : Buffer.concat(parts);
}

function readBody(body: Fields): ClientHello {
  body.take(2 + 32); // version and random
  body.vector(1); // session id
  body.vector(2); // ciphers
  body.vector(1); // compression
  let serverName = '';
  const protocols: string[] = [];
  const extensions = body.done ? body : body.vector(2);
  while (!extensions.done) {
    const type = extensions.number(2);
    const extension = extensions.vector(2);
    if (type === SERVER_NAME) {
      const names = extension.vector(2);
      if (names.number(1) === HOST_NAME) serverName = names.vector(2).text.toLowerCase();
    } else if (type === ALPN) {
      const list = extension.vector(2);
      while (!list.done) protocols.push(list.vector(1).text);
    }
  }
  return { serverName, protocols };
}

/** Reads one field after the other. Throws a `RangeError` at the end of the bytes. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get text(): string {
    return this.#bytes.toString('latin1', this.#at);
  }

  number(size: number): number {
    return this.take(size).readUIntBE(0, size);
  }

  /** What follows a length of `size` bytes (RFC 8446 §3.4). */
  vector(size: number): Fields {
    return new Fields(this.take(this.number(size)));
  }

  take(size: number): Buffer {
    const end = this.#at + size;
    if (end > this.#bytes.length) throw new RangeError('the bytes end too early');
    const taken = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return taken;
  }
}
