import type { HeaderList } from '../exchange/index.ts';
import type { Guard } from '../net/index.ts';

/** Options of one request beyond HTTP itself. The values of `DEFAULT_FETCH_OPTIONS` change nothing. */
export interface FetchOptions {
  /** Connect to this host instead of the URI's; the Host field, SNI and certificate still follow the URI. Empty: the URI's. */
  readonly connectHost: string;
  /** Port for `connectHost`, or without it a replacement for the URI's; 0: the URI's. */
  readonly connectPort: number;
  /** A certificate for `connectHost` is accepted as well. */
  readonly trustConnectHost: boolean;
  /** Skip certificate verification. */
  readonly ignoreTlsErrors: boolean;
  /** Which names and addresses may be reached, on every hop; null: all. */
  readonly guard: Guard | null;
  /** Follow up to 8 redirects. */
  readonly followRedirects: boolean;
  /** Certificate chain and key for TLS, PEM; both empty: none. */
  readonly clientCert: string;
  readonly clientKey: string;
  /** Milliseconds until the response is complete; null: no limit. Not for WebSockets. */
  readonly timeout: number | null;
  /** Maximum size of the response body in bytes, after decompression; null: no limit. */
  readonly maxSize: number | null;
  /** Ask for compressed responses and decompress them. */
  readonly decompress: boolean;
}

export const DEFAULT_FETCH_OPTIONS: FetchOptions = {
  connectHost: '',
  connectPort: 0,
  trustConnectHost: false,
  ignoreTlsErrors: false,
  guard: null,
  followRedirects: false,
  clientCert: '',
  clientKey: '',
  timeout: null,
  maxSize: null,
  decompress: false,
};

/** One outbound request, to any URI. */
export interface FetchRequest {
  /** Names the request in the log. */
  readonly id: string;
  /** A token; ignored for WebSockets. */
  readonly method: string;
  /**
   * With scheme `http`, `https`, `ws` or `wss`, authority, and optionally userinfo, path, query and fragment (RFC 3986); not trusted. Like all
   * text of packets it is latin1, one character per byte: non-ASCII letters in a name are UTF-8 bytes.
   */
  readonly uri: string;
  /** As the requester gave them; fields that belong to the connection or frame the body are replaced. */
  readonly headers: HeaderList;
  /** Bytes of the body: 0 for none, `UNKNOWN_LENGTH` if known only at its end. */
  readonly bodyLength: number;
  /** Bytes of response body, or of a WebSocket's payload, that the requester accepts before it grants more. */
  readonly credits: number;
  readonly options: FetchOptions;
}
