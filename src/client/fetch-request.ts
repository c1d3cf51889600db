import type { HeaderList } from '../exchange/index.ts';
import type { Guard } from '../net/index.ts';

/** How one request is made, beyond what HTTP itself says. The values of `DEFAULT_FETCH_OPTIONS` change nothing. */
export interface FetchOptions {
  /** Connect to this host instead of the URI's; Host field, SNI and certificate stay those of the URI. Empty: the URI's. */
  readonly connectHost: string;
  /** Port that goes with `connectHost`, or without it replaces the URI's; 0: the URI's. */
  readonly connectPort: number;
  /** A certificate for `connectHost` is as good as one for the URI's host. */
  readonly trustConnectHost: boolean;
  /** Certificates are not verified at all. */
  readonly ignoreTlsErrors: boolean;
  /** Which names and addresses may be reached, on every hop; null: all. */
  readonly guard: Guard | null;
  /** Redirects are followed, up to 8. */
  readonly followRedirects: boolean;
  /** Certificate chain and key for TLS, PEM; both empty: none. */
  readonly clientCert: string;
  readonly clientKey: string;
  /** Milliseconds until the response is complete; null: no bound. Not for WebSockets. */
  readonly timeout: number | null;
  /** Bytes that the response body may have, after decompression; null: no bound. */
  readonly maxSize: number | null;
  /** Compressed responses are asked for and decompressed. */
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
  /** A token; of a WebSocket not looked at. */
  readonly method: string;
  /**
   * With scheme `http`, `https`, `ws` or `wss`, authority, and perhaps userinfo, path, query and fragment (RFC 3986); not trusted. It is
   * latin1 text, one character a byte, as all text of packets: a name with other letters than ASCII's is UTF-8 in it.
   */
  readonly uri: string;
  /** As the requester gave them; fields that belong to the connection or frame the body are replaced. */
  readonly headers: HeaderList;
  /** Bytes of the body: 0 for none, `UNKNOWN_LENGTH` when only its end tells. */
  readonly bodyLength: number;
  /** Bytes of response body, or of a WebSocket's payload, that the requester takes before it grants more. */
  readonly credits: number;
  readonly options: FetchOptions;
}
