import { type Packet, RequestPacket, ResponsePacket } from '../codec/zhttp/index.ts';

/** Maximum bytes of a body that are shown. */
const MAX_SHOWN = 60;

/** Default values of a packet's fields. */
const PLAIN: Readonly<Record<string, unknown>> = { ...new RequestPacket(), ...new ResponsePacket() };

/**
 * A packet on one readable line: its type, and its fields under their names on the wire. A body is shown with its length and its
 * beginning.
 */
export function showPacket(packet: Packet): string {
  const parts: string[] = [packet.type];
  for (const [key, value] of Object.entries(packet)) {
    const name = key.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    if (key === 'type' || value === PLAIN[key]) continue;
    if (key === 'ids') parts.push(...packet.ids.map(({ id, seq }) => `id=${id}${seq === null ? '' : ` seq=${seq}`}`));
    else if (key === 'headers') parts.push(...(packet.headers.length > 0 ? [showHeaders(packet.headers)] : []));
    else if (value instanceof Uint8Array) parts.push(`${name}=${showBytes(Buffer.from(value))}`);
    else parts.push(value === true ? name : `${name}=${printable(String(value))}`);
  }
  return parts.join(' ');
}

function showHeaders(headers: readonly string[]): string {
  const lines: string[] = [];
  for (let i = 0; i < headers.length; i += 2) lines.push(`${headers[i]}: ${headers[i + 1]}`);
  return `headers=[${printable(lines.join(' | '))}]`;
}

function showBytes(bytes: Buffer): string {
  const beginning = JSON.stringify(bytes.toString('latin1', 0, MAX_SHOWN));
  return `(${bytes.length} bytes) ${printable(beginning)}${bytes.length > MAX_SHOWN ? '…' : ''}`;
}

/** Text with control characters escaped, which a terminal would obey. */
export function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) => `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
