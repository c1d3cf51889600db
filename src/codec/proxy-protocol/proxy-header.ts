import { InputError } from '../input-error/index.ts';

/**
 * Bytes of one PROXY header: that of version 1 has at most 107 (§2.1), that of version 2 may have more, for fields that nobody here reads (§2.2).
 * @bound proxy-header
 */
export const MAX_PROXY_HEADER = 4_096;

/** Bytes that do not begin with a PROXY header. */
export class ProxyHeaderError extends InputError {
  override readonly name = 'ProxyHeaderError';
}

/** A PROXY header. */
export interface ProxyHeader {
  /** Bytes that it takes. */
  readonly length: number;
  /** Where the client's connection to the proxy comes from. Null if the header does not say it: the connection is the proxy's own. */
  readonly source: { readonly address: string; readonly port: number } | null;
}
