import { ZmtpError } from './zmtp-error.ts';

/** Properties of a connection by name. Names are case-insensitive; here they are in lower case. */
export type Metadata = ReadonlyMap<string, Buffer>;

/** RFC 23, "property-name"; letters are already in lower case. */
const NAME = /^[a-z0-9\-_.+]{1,255}$/;

/**
 * The wire form of properties, for a handshake command's body.
 * @param properties a name is 1 to 255 of letters, digits and `- _ . +`
 */
export function encodeMetadata(properties: readonly (readonly [name: string, value: Buffer])[]): Buffer {
  const pieces: Buffer[] = [];
  for (const [name, value] of properties) {
    const header = Buffer.allocUnsafe(1 + name.length + 4);
    header[0] = name.length;
    header.write(name, 1, 'latin1');
    header.writeUInt32BE(value.length, 1 + name.length);
    pieces.push(header, value);
  }
  return Buffer.concat(pieces);
}

/** @throws ZmtpError `malformed` if `body` is not a list of properties, or repeats a name */
export function parseMetadata(body: Buffer): Metadata {
  const metadata = new Map<string, Buffer>();
  let offset = 0;
  while (offset < body.length) {
    const nameEnd = offset + 1 + (body[offset] as number);
    const valueStart = nameEnd + 4;
    if (valueStart > body.length) throw new ZmtpError('malformed', 'truncated metadata');
    const name = body.toString('latin1', offset + 1, nameEnd).toLowerCase();
    const valueEnd = valueStart + body.readUInt32BE(nameEnd);
    if (valueEnd > body.length) throw new ZmtpError('malformed', 'truncated metadata');
    if (!NAME.test(name) || metadata.has(name))
      throw new ZmtpError('malformed', 'invalid or repeated property name in the metadata');
    metadata.set(name, body.subarray(valueStart, valueEnd));
    offset = valueEnd;
  }
  return metadata;
}
