import type { SessionRef } from './packet.ts';

/** What is wrong with a packet. */
export type ZhttpErrorKind =
  /** The bytes are no packet: unknown encoding, not one map, or a map that breaks off. */
  | 'malformed'
  /** A field has the wrong type or a value that it cannot have. */
  | 'invalid'
  /** A limit is exceeded. */
  | 'too-large';

/** A packet that cannot be read or written. */
export class ZhttpError extends Error {
  override readonly name = 'ZhttpError';
  readonly kind: ZhttpErrorKind;
  /** What an `error` packet that answers this one has to say; null where none is sent: for malformed bytes and for responses. */
  readonly condition: 'bad-request' | null;
  /** Address of the peer that sent the packet, empty if it could not be found. */
  readonly from: string;
  /** The sessions that the packet is for, as far as they could be found: only these are concerned. */
  readonly ids: readonly SessionRef[];

  constructor(
    kind: ZhttpErrorKind,
    message: string,
    condition: 'bad-request' | null = null,
    from = '',
    ids: readonly SessionRef[] = [],
  ) {
    super(message);
    this.kind = kind;
    this.condition = condition;
    this.from = from;
    this.ids = ids;
  }
}
