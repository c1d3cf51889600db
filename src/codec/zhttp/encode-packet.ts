import { PIECE_BYTES } from '../tnetstring/index.ts';
import type { FieldSink } from './field-sink.ts';
import { JsonSink } from './json-sink.ts';
import type { Packet, PacketFormat, RequestPacket, ResponsePacket, SessionRef } from './packet.ts';
import { FIELDS, type Field } from './packet-fields.ts';
import { TnetstringSink } from './tnetstring-sink.ts';
import { ZhttpError } from './zhttp-error.ts';
import { MAX_IDS } from './zhttp-limits.ts';

/** It keeps nothing between packets. */
const tnetstringSink = new TnetstringSink();

/**
 * Writes a packet of an initiator, with the fields in Condure's order.
 * @returns the packet with its type byte, in a Buffer of its own
 * @throws ZhttpError for more than `MAX_IDS` ids, an invalid integer, and user-data or passthrough that is not in `format`
 */
export function encodeRequestPacket(packet: RequestPacket, format: PacketFormat = 'T'): Buffer {
  const sink = sinkOf(format, '');
  writeRequest(packet, sink);
  return sink.end();
}

/** Like `encodeRequestPacket`, as a tnetstring, and as latin1 text if the packet has no body: it becomes bytes when it is sent. */
export function encodeRequestText(packet: RequestPacket): Buffer | string {
  tnetstringSink.begin('');
  writeRequest(packet, tnetstringSink);
  return tnetstringSink.endText();
}

/**
 * Like `encodeRequestPacket`, as a tnetstring, but a large body is not copied: it is a piece of its own among the pieces that make up the packet, and
 * must not change afterwards.
 */
export function encodeRequestPieces(packet: RequestPacket): Buffer | readonly Buffer[] {
  if (packet.body.length < PIECE_BYTES) return encodeRequestPacket(packet);
  tnetstringSink.begin('');
  writeRequest(packet, tnetstringSink);
  return tnetstringSink.endPieces();
}

function writeRequest(packet: RequestPacket, sink: FieldSink): void {
  writeBeginning(packet, sink);
  if (packet.method !== '') sink.text(FIELDS.method, packet.method);
  if (packet.uri !== '') sink.text(FIELDS.uri, packet.uri);
  if (packet.code !== 0) writeInteger(sink, FIELDS.code, packet.code);
  writeContent(packet, sink);
  if (packet.stream) sink.flag(FIELDS.stream);
  if (packet.routerResp) sink.flag(FIELDS['router-resp']);
  if (packet.maxSize !== null) writeInteger(sink, FIELDS['max-size'], packet.maxSize);
  if (packet.timeout !== null) writeInteger(sink, FIELDS.timeout, packet.timeout);
  if (packet.peerAddress !== '') sink.text(FIELDS['peer-address'], packet.peerAddress);
  if (packet.peerPort !== 0) writeInteger(sink, FIELDS['peer-port'], packet.peerPort);
  if (packet.connectHost !== '') sink.text(FIELDS['connect-host'], packet.connectHost);
  if (packet.connectPort !== 0) writeInteger(sink, FIELDS['connect-port'], packet.connectPort);
  if (packet.trustConnectHost) sink.flag(FIELDS['trust-connect-host']);
  if (packet.ignoreTlsErrors) sink.flag(FIELDS['ignore-tls-errors']);
  if (packet.ignorePolicies) sink.flag(FIELDS['ignore-policies']);
  if (packet.followRedirects) sink.flag(FIELDS['follow-redirects']);
  if (packet.clientCert !== '') sink.text(FIELDS['client-cert'], packet.clientCert);
  if (packet.clientKey !== '') sink.text(FIELDS['client-key'], packet.clientKey);
  if (packet.oldFrom !== '') sink.text(FIELDS['old-from'], packet.oldFrom);
  if (packet.passthrough !== null) sink.value(FIELDS.passthrough, packet.passthrough);
  if (packet.userData !== null) sink.value(FIELDS['user-data'], packet.userData);
}

/**
 * Writes a packet of a responder in the same way.
 * @param address of the initiator, which precedes a published packet; empty for none
 * @returns the packet with address and type byte, in a Buffer of its own
 * @throws ZhttpError
 */
export function encodeResponsePacket(packet: ResponsePacket, format: PacketFormat = 'T', address = ''): Buffer {
  const sink = sinkOf(format, address);
  writeResponse(packet, sink);
  return sink.end();
}

/**
 * Like `encodeResponsePacket`, in the form that costs least to send: latin1 text if the body is small, or with a large body as a piece of its own,
 * which must not change afterwards.
 */
export function encodeResponsePart(
  packet: ResponsePacket,
  format: PacketFormat = 'T',
  address = '',
): Buffer | string | readonly Buffer[] {
  if (format === 'J') return encodeResponsePacket(packet, format, address);
  tnetstringSink.begin(address);
  writeResponse(packet, tnetstringSink);
  return packet.body.length < PIECE_BYTES ? tnetstringSink.endText() : tnetstringSink.endPieces();
}

function writeResponse(packet: ResponsePacket, sink: FieldSink): void {
  writeBeginning(packet, sink);
  if (packet.code !== 0) writeInteger(sink, FIELDS.code, packet.code);
  if (packet.reason !== '') sink.text(FIELDS.reason, packet.reason);
  writeContent(packet, sink);
  if (packet.userData !== null) sink.value(FIELDS['user-data'], packet.userData);
}

function sinkOf(format: PacketFormat, address: string): FieldSink {
  if (format === 'J') return new JsonSink(address);
  tnetstringSink.begin(address);
  return tnetstringSink;
}

/** Fields that every packet starts with. */
function writeBeginning(packet: Packet, sink: FieldSink): void {
  const { ids } = packet;
  if (packet.from !== '') sink.text(FIELDS.from, packet.from);
  if (ids.length === 1) {
    const { id, seq } = ids[0] as SessionRef;
    sink.text(FIELDS.id, id);
    if (seq !== null) writeInteger(sink, FIELDS.seq, seq);
  } else if (ids.length > 1) {
    writeIds(ids, sink);
  }
  if (packet.multi || packet.quiet) sink.ext(packet.multi, packet.quiet);
  if (packet.type !== 'data') sink.text(FIELDS.type, packet.type);
  if (packet.condition !== '') sink.text(FIELDS.condition, packet.condition);
}

/** Fields of data, in packets of other types too. */
function writeContent(packet: Packet, sink: FieldSink): void {
  if (packet.headers.length > 0) sink.headers(packet.headers);
  if (packet.contentType !== '') sink.text(FIELDS['content-type'], packet.contentType);
  if (packet.body.length > 0) sink.bytes(FIELDS.body, packet.body);
  if (packet.credits !== 0 || packet.type === 'credit') writeInteger(sink, FIELDS.credits, packet.credits);
  if (packet.more) sink.flag(FIELDS.more);
}

function writeIds(ids: readonly SessionRef[], sink: FieldSink): void {
  // Peers drop a packet with more, and with it the news for each of its sessions.
  if (ids.length > MAX_IDS) throw new ZhttpError('too-large', `too many ids in a packet: ${ids.length}`);
  for (const { seq } of ids) {
    if (seq !== null) checkInteger(FIELDS.seq, seq);
  }
  sink.ids(ids);
}

function writeInteger(sink: FieldSink, field: Field, value: number): void {
  checkInteger(field, value);
  sink.integer(field, value);
}

function checkInteger(field: Field, value: number): void {
  if (!Number.isSafeInteger(value) || value < 0) throw new ZhttpError('invalid', `"${field.name}" cannot be ${value}`);
}
