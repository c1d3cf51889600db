import { count, plainText, seconds } from './section-fields.ts';

/** Keys of a section whose listeners may speak TLS. */
export const tlsFields = {
  tls_identities_dir: plainText({
    default: '.',
    doc: 'Folder with the certificates (`NAME.crt`) and keys (`NAME.key`) of listeners with `tls`. A relative path starts at the working directory.',
  }),
  tls_handshake_timeout: seconds({
    default: 10,
    from: 0.1,
    to: 3600,
    doc: 'Maximum time for a TLS handshake. Then the connection is closed.',
  }),
  tls_max_handshakes: count({
    default: 4096,
    from: 1,
    to: 10_000_000,
    doc: 'Maximum number of TLS handshakes in progress on one listener. One more connection is closed at once.',
  }),
};
