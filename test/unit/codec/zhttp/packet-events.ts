import {
  parseRequestPacket,
  parseResponsePacket,
  RequestPacket,
  ResponsePacket,
  type SessionRef,
  splitAddress,
  ZhttpError,
  type ZhttpLimits,
} from '../../../../src/codec/zhttp/index.ts';

/** What the reader makes of the bytes, one event a line, as `test/cases/zhttp/README.md` explains. */
export function eventsOf(kind: string, input: Buffer, limits?: ZhttpLimits): string[] {
  try {
    switch (kind) {
      case 'zhttp request':
        return packetEvents(parseRequestPacket(input, limits), new RequestPacket());
      case 'zhttp response':
        return packetEvents(parseResponsePacket(input, limits), new ResponsePacket());
      case 'zhttp published': {
        const addressed = splitAddress(input);
        if (addressed === null) return ['no address'];
        return [`to ${addressed.address}`, ...eventsOf('zhttp response', addressed.payload, limits)];
      }
      default:
        throw new Error(`unknown kind of input: ${kind}`);
    }
  } catch (error) {
    if (!(error instanceof ZhttpError)) throw error;
    return errorEvents(error);
  }
}

/** The fields that differ from those of an empty packet. */
function packetEvents(packet: RequestPacket | ResponsePacket, empty: RequestPacket | ResponsePacket): string[] {
  const defaults = new Map<string, unknown>(Object.entries(empty));
  const events: string[] = [];
  for (const [name, value] of Object.entries(packet) as [string, unknown][]) {
    if (name === 'ids') events.push(...packet.ids.map(idEvent));
    else if (name === 'headers') events.push(...headerEvents(packet.headers));
    else if (value === defaults.get(name)) continue;
    else if (value === true) events.push(name);
    else if (Buffer.isBuffer(value)) events.push(`${name} "${value.toString('latin1')}"`);
    else events.push(`${name} ${value}`);
  }
  return events;
}

function errorEvents({ kind, message, condition, from, ids }: ZhttpError): string[] {
  const events = [`error ${kind} "${message}"`];
  if (condition !== null) events.push(`condition ${condition}`);
  if (from !== '') events.push(`from ${from}`);
  return [...events, ...ids.map(idEvent)];
}

function idEvent({ id, seq }: SessionRef): string {
  return seq === null ? `id ${id}` : `id ${id} seq=${seq}`;
}

function headerEvents(headers: readonly string[]): string[] {
  const events: string[] = [];
  for (let i = 0; i < headers.length; i += 2) events.push(`header ${headers[i]}: ${headers[i + 1]}`);
  return events;
}
