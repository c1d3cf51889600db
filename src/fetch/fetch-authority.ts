import { type FetchOptions, type Origin, originOf } from '../client/index.ts';
import { ExchangeError } from '../exchange/index.ts';
import { canonicalHost, type Guard, type TlsClientSettings } from '../net/index.ts';
import { hostText } from './host-text.ts';

export type FetchScheme = 'http' | 'https' | 'ws' | 'wss';

/** Origins that one authority remembers. Usually there is one; requests that differ in `connect-host` or guard need more. */
const MAX_ORIGINS = 4;

/** An origin, and the options of a request that it was made from. */
interface KnownOrigin {
  readonly guard: Guard | null;
  readonly connectHost: string;
  readonly connectPort: number;
  readonly trustsConnectHost: boolean;
  readonly verifies: boolean;
  readonly ipv4Only: boolean;
  readonly origin: Origin;
}

/**
 * Scheme, host and port of a URI, which RFC 6454 calls an origin. All requests that name it share this object, so that the place to connect to
 * and the guard's verdict on the names are determined once.
 */
export class FetchAuthority {
  readonly scheme: FetchScheme;
  /** Whether TLS is used. */
  readonly secure: boolean;
  readonly isWebSocket: boolean;
  /** In canonical form (`canonicalHost`), without brackets. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** `host[:port]` as in the Host field, without the scheme's default port (RFC 9110 §7.2). */
  readonly text: string;
  readonly #known: KnownOrigin[] = [];
  /** Index of the next one to replace. */
  #oldest = 0;

  /** @param port 0 for the scheme's default */
  constructor(scheme: FetchScheme, host: string, port: number) {
    this.scheme = scheme;
    this.secure = scheme === 'https' || scheme === 'wss';
    this.isWebSocket = scheme === 'ws' || scheme === 'wss';
    this.host = host;
    const own = this.secure ? 443 : 80;
    this.port = port === 0 ? own : port;
    const bracketed = host.includes(':') ? `[${host}]` : host;
    this.text = this.port === own ? bracketed : `${bracketed}:${this.port}`;
  }

  /** Whether data for this one, credentials in particular, may also be sent to `other`. */
  equals(other: FetchAuthority): boolean {
    return this === other || (this.scheme === other.scheme && this.port === other.port && this.host === other.host);
  }

  /**
   * Where a request with `options` to this authority goes, after the guard has checked every name in it.
   * @param first whether this is the authority that the requester named, not a redirect's: only the first gets the client
   *   certificate, and `trustConnectHost` counts
   * @throws ExchangeError HF_POLICY_VIOLATION, or HF_FETCH_INVALID for a `connectHost` or `connectPort` that is invalid
   */
  origin(options: FetchOptions, first: boolean, ipv4Only = false): Origin {
    const { guard, connectHost, connectPort } = options;
    const trustsConnectHost = this.secure && first && options.trustConnectHost;
    const verifies = !this.secure || !options.ignoreTlsErrors;
    // Certificates may be large, and a private key should not be kept longer than needed.
    const certified = this.secure && first && options.clientCert !== '';
    if (certified) return this.#make(options, trustsConnectHost, true, ipv4Only);
    for (const known of this.#known) {
      if (
        known.guard === guard &&
        known.connectHost === connectHost &&
        known.connectPort === connectPort &&
        known.trustsConnectHost === trustsConnectHost &&
        known.verifies === verifies &&
        known.ipv4Only === ipv4Only
      ) {
        return known.origin;
      }
    }
    const origin = this.#make(options, trustsConnectHost, false, ipv4Only);
    this.#known[this.#oldest] = { guard, connectHost, connectPort, trustsConnectHost, verifies, ipv4Only, origin };
    this.#oldest = (this.#oldest + 1) % MAX_ORIGINS;
    return origin;
  }

  #make(options: FetchOptions, trustsConnectHost: boolean, certified: boolean, ipv4Only: boolean): Origin {
    const { guard, connectHost, connectPort, ignoreTlsErrors, clientCert, clientKey } = options;
    let host = this.host;
    checkName(guard, host);
    if (connectHost !== '') {
      const text = hostText(connectHost);
      const canonical = text === null ? null : canonicalHost(text);
      if (canonical === null) throw new ExchangeError('HF_FETCH_INVALID', 'invalid connect-host');
      host = canonical;
      checkName(guard, host);
    }
    if (!Number.isInteger(connectPort) || connectPort < 0 || connectPort > 65_535) {
      throw new ExchangeError('HF_FETCH_INVALID', 'invalid connect-port');
    }
    const tls: TlsClientSettings | null = this.secure
      ? {
          serverName: this.host,
          alsoTrusted: trustsConnectHost && host !== this.host ? host : '',
          verify: !ignoreTlsErrors,
          clientCert: certified ? clientCert : '',
          clientKey: certified ? clientKey : '',
        }
      : null;
    return originOf(host, connectPort === 0 ? this.port : connectPort, tls, guard, ipv4Only);
  }
}

function checkName(guard: Guard | null, host: string): void {
  const verdict = guard?.checkName(host);
  if (verdict?.allowed === false) throw new ExchangeError('HF_POLICY_VIOLATION', `${host}: ${verdict.reason}`);
}
