import { flag, plainText, text } from './section-fields.ts';

/** The directory of Let's Encrypt. */
const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';

/** The `[acme]` section: its keys, and what they are for. */
export const acmeSection = {
  doc: "Certificates that the server orders by itself (ACME, RFC 8555), for listeners with `acme`. Names are the hosts of the routes. The authority asks for proof on port 80 (`http-01`) where a listener of `[server]` has no TLS, else on port 443 (`tls-alpn-01`). Certificates and the account's key are kept in the folder of `[state]`, and renewed after two thirds of their lifetime.",
  shape: {
    accept_terms: flag({
      doc: "Whether you agree to the authority's terms of service. Without it no certificate is ordered.",
    }),
    email: text({
      expected: 'an e-mail address',
      fits: (value) => /^[^\s@,:;<>"\p{Cc}]+@[^\s@,:;<>"\p{Cc}]+$/u.test(value),
      doc: 'Address to which the authority may write about the certificates.',
    }),
    directory: text({
      default: LETS_ENCRYPT,
      expected: 'an https URL without user and password',
      fits: isDirectory,
      doc: "URL of the authority's directory. Default: that of Let's Encrypt.",
    }),
    ca: plainText({
      doc: 'File with certificates (PEM) that the connection to the authority is checked with, instead of those of Node.',
    }),
  },
};

function isDirectory(value: string): boolean {
  if (!URL.canParse(value)) return false;
  const { protocol, username, password } = new URL(value);
  return protocol === 'https:' && username === '' && password === '';
}
