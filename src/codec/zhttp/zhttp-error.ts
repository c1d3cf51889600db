import { InputError } from '../input-error/index.ts';
import type { SessionRef } from './packet.ts';

/** What is wrong with a packet. */
export type ZhttpErrorKind =
  /** The bytes are not a packet: unknown encoding, not one map, or a truncated map. */
  | 'malformed'
  /** A field has the wrong type or an invalid value. */
  | 'invalid'
  /** A limit is exceeded. */
  | 'too-large';

/** A packet that cannot be read or written. */
export class ZhttpError extends InputError {
  override readonly name = 'ZhttpError';
  readonly kind: ZhttpErrorKind;
  /** Condition of the `error` packet sent in response; null if none is sent: for malformed bytes and for responses. */
  readonly condition: 'bad-request' | null;
  /** Address of the peer that sent the packet, empty if unknown. */
  readonly from: string;
  /** The sessions that the packet is for, as far as known: only these are affected. */
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
