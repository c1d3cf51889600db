import { InputError } from '../input-error/index.ts';

/** A frame or message that breaks RFC 6455 or RFC 7692, or exceeds a limit. The connection fails with `closeCode` (RFC 6455 §7.1.7). */
export class WebSocketError extends InputError {
  override readonly name = 'WebSocketError';
  /** 1002 broken framing, 1007 invalid UTF-8 or compressed data, 1009 over a limit, 1011 cannot be written. */
  readonly closeCode: 1002 | 1007 | 1009 | 1011;

  constructor(closeCode: WebSocketError['closeCode'], message: string) {
    super(message);
    this.closeCode = closeCode;
  }
}

/** An invalid head of an opening handshake (RFC 6455 §4). */
export class HandshakeError extends InputError {
  override readonly name = 'HandshakeError';
}
