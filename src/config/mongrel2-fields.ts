import { z } from 'zod';
import { textError } from './config-error.ts';
import { formatListenAddress, LISTEN_FORMS, parseFileMode, parseListenAddress } from './listen-address.ts';
import { isPlainText, isTable } from './plain-text.ts';
import {
  bytes,
  choice,
  complaint,
  count,
  fieldDocs,
  flag,
  plainText,
  seconds,
  text,
  textCodec,
} from './section-fields.ts';
import { ENDPOINT_FORMS, parseZmqEndpoint } from './zmq-endpoint.ts';

const UUID_FORMS = '1 to 128 characters without white space and "/"';
const IDENT_FORMS = '1 to 255 bytes of text without white space';
const PATH_FORMS = 'a prefix, perhaps with a pattern in parentheses after it';
const MODE_FORMS = 'an octal number in quotes from "0" to "777"';
const TEMPLATE_FORMS = 'a path that ends in "XXXXXX"';
const MIME_FORMS = 'a table of extensions, such as ".html", and media types';

const protocol = choice(['json', 'tnetstring']);

const endpoint = (doc: string) =>
  textCodec(ENDPOINT_FORMS, parseZmqEndpoint, (spec) => spec).register(fieldDocs, { doc, expected: ENDPOINT_FORMS });

/** Text without which a table is useless. */
const required = (expected: string, fits: (value: string) => boolean, doc: string) =>
  z
    .string({ error: complaint(expected) })
    .refine(fits, { error: complaint(expected) })
    .register(fieldDocs, { doc, expected });

/** The keys of `[edge.mongrel2.handler.NAME]`. */
export const handlerShape = {
  send_spec: endpoint(
    'Endpoint from which handlers take requests (PUSH): it is bound, and handlers connect with PULL.',
  ),
  send_ident: required(
    IDENT_FORMS,
    (ident) => /^[^\s\p{Cc}\p{Cs}]+$/u.test(ident) && Buffer.byteLength(ident) <= 255,
    'Name of this server in requests, by which handlers know whom they answer.',
  ),
  recv_spec: endpoint('Endpoint to which handlers send responses (SUB): it is bound, and handlers connect with PUB.'),
  recv_ident: plainText({ doc: 'Beginning of the responses that are taken. If empty, all are.' }),
  protocol: protocol.schema.default('json').register(fieldDocs, {
    doc: 'Form of the headers in requests.',
    expected: protocol.expected,
  }),
  raw_payload: flag({
    doc: 'Send responses to clients of JSON and XML sockets as they are. Otherwise in base64, as Mongrel2 does.',
  }),
  sticky: flag({
    doc: 'Send all messages of one connection to the same handler process, as long as it lives. Otherwise each goes to the next one. Mongrel2 has no such option.',
  }),
};

/** The keys of an element of `route` under `[[edge.mongrel2.host]]`. */
export const siteRouteShape = {
  path: required(
    PATH_FORMS,
    (path) => path !== '' && isPlainText(path),
    'Beginning of the paths, with a pattern after it if need be: see [paths](#paths-of-mongrel2). One that begins with `@` or `<` is for JSON or XML sockets.',
  ),
  handler: plainText({ doc: 'Name of the handler that gets the requests.' }),
  proxy: plainText({ doc: 'Address of an HTTP origin that gets the requests: `HOST:PORT`.' }),
  dir: plainText({ doc: 'Folder of static files that are sent.' }),
  index_file: plainText({
    default: 'index.html',
    doc: 'With `dir`: file for a path that ends in `/`. If empty, there is none.',
  }),
  default_type: plainText({
    default: 'application/octet-stream',
    doc: 'With `dir`: media type of files whose extension is not known.',
  }),
  cache_ttl: seconds({
    default: 0,
    from: 0.1,
    to: 86_400,
    zero: 'to look each time',
    doc: 'With `dir`: time for which a file counts as unchanged.',
  }),
  follow_links: flag({
    doc: 'With `dir`: follow symbolic links that lead out of the folder. Otherwise they get a 404.',
  }),
};

/** The keys of `[edge.mongrel2.tls]`. */
export const siteTlsShape = {
  certdir: required(
    'the path of a folder',
    (path) => path !== '' && isPlainText(path),
    'Folder with certificates and keys: `NAME.crt` and `NAME.key` for the host that the client names (SNI), then `_.example.com.crt` for each host one level below `example.com`, then those named after `uuid`.',
  ),
  ciphers: plainText({ doc: "Ciphers of TLS 1.2 in OpenSSL's notation. If empty, the usual ones." }),
  client_ca: plainText({
    doc: 'File with the authorities of client certificates (PEM). If empty, clients are not asked for one.',
  }),
  client_required: flag({
    doc: 'With `client_ca`: refuse connections without a valid client certificate. Otherwise handlers see the certificate, valid or not, in PEER_CERT_SHA1.',
  }),
};

/** The keys of `[edge.mongrel2.settings]`. */
export const siteSettingsShape = {
  access_logging: flag({ default: true, doc: 'Write the access log.' }),
  head_bytes: bytes({
    default: 16_384,
    from: 1024,
    to: 1_048_576,
    doc: 'Maximum size of the head of a request. A larger one gets a 400.',
  }),
  content_length: bytes({
    default: 20_480,
    from: 0,
    to: 1_073_741_824,
    doc: 'Maximum size of a body that is kept in memory. A larger one goes to a file or in pieces, or gets a 413.',
  }),
  header_count: count({ default: 1280, from: 8, to: 10_000, doc: 'Maximum number of header fields of a request.' }),
  handler_targets: count({
    default: 128,
    from: 1,
    to: 65_536,
    doc: 'Maximum number of connections that one response names. A response with more is dropped.',
  }),
  tick_timer: seconds({ default: 10, from: 1, to: 3600, doc: 'Time between two looks at all connections.' }),
  min_ping: seconds({
    default: 120,
    from: 1,
    to: 86_400,
    zero: 'for no such test',
    doc: 'Time without a request or a ping after which a connection fails the first test.',
  }),
  min_read_rate: bytes({
    default: 300,
    from: 1,
    to: 1_073_741_824,
    zero: 'for no such test',
    doc: 'Bytes a second, since the last read, below which a connection fails the second test.',
  }),
  min_write_rate: bytes({
    default: 300,
    from: 1,
    to: 1_073_741_824,
    zero: 'for no such test',
    doc: 'Bytes a second, since the last write, below which a connection fails the third test.',
  }),
  kill_limit: count({
    default: 2,
    from: 0,
    to: 3,
    doc: 'A connection that fails more than so many of the three tests is closed. With 3 none is.',
  }),
  tcp_keep_alive: flag({ doc: 'Let the kernel find out whether clients are gone (SO_KEEPALIVE).' }),
  upload_temp_store: text({
    expected: TEMPLATE_FORMS,
    fits: (path) => path.endsWith('XXXXXX') && isPlainText(path),
    doc: 'Template of the files for large bodies; its last six characters are replaced. If empty, there are no files.',
  }),
  upload_temp_store_mode: textCodec(MODE_FORMS, parseMode, (mode) => `0${mode.toString(8)}`)
    .prefault('0600')
    .register(fieldDocs, { doc: 'Permissions of these files.', expected: MODE_FORMS }),
  upload_stream: flag({
    doc: 'Send large bodies to the handler in pieces, as it grants credits. Then there are no files.',
  }),
  download_flow_control: flag({
    doc: 'Give handlers credits for responses. A handler that sends more than it has closes the client.',
  }),
  keep_forwarded_for: flag({
    doc: "Keep the client's own `x-forwarded-for`. Otherwise it is the address of the client.",
  }),
  relaxed_requests: flag({ doc: 'Accept `{`, `}` and `^` in paths and queries.' }),
};

/** The keys of `[[edge.mongrel2.host]]`, without its routes. */
export const siteHostShape = {
  name: required(
    'a name',
    (name) => name !== '' && isPlainText(name),
    'Host name of the requests, without port, and of those to hosts whose name ends in it.',
  ),
  matching: plainText({
    doc: 'End of the host names, with a pattern in parentheses before it if need be, in place of `name`: `(\\w+).example.com`. If empty, `name`.',
  }),
};

/** The keys of `[[edge.mongrel2]]` that are not tables. */
export const siteServerShape = {
  listen: textCodec(LISTEN_FORMS, parseListenAddress, formatListenAddress).register(fieldDocs, {
    doc: 'Address that clients connect to; see [listen addresses](#listen-addresses).',
    expected: LISTEN_FORMS,
  }),
  uuid: text({
    expected: UUID_FORMS,
    fits: (uuid) => /^[^\s/\p{Cc}\p{Cs}]{1,128}$/u.test(uuid),
    doc: 'Identifier of the server, which the control port names. With TLS its certificate is `UUID.crt`.',
  }),
  name: plainText({ doc: 'Name of the server: what it logs with the rest has it as `server`.' }),
  root: plainText({
    doc: 'Prefix of all paths of this table, and of its `ipc://` endpoints. No path leaves it. If empty, relative paths begin at the working directory.',
  }),
  default_host: plainText({ doc: 'Name of the host that gets the requests for no other. If empty, they get a 404.' }),
  access_log: plainText({ doc: 'File that a line is appended to for each request. If empty, there is no access log.' }),
  error_log: plainText({ doc: 'File for what this server logs. If empty, it is logged with the rest.' }),
  pid_file: plainText({ doc: 'File with the number of the process while it runs. If empty, there is none.' }),
  control_port: textCodec(ENDPOINT_FORMS, parseControlPort, (spec) => spec)
    .prefault('')
    .register(fieldDocs, {
      doc: 'Endpoint of the control port (REP). Let only trusted programs reach it. If empty, there is none.',
      expected: ENDPOINT_FORMS,
    }),
  mime_types: z
    .custom<Record<string, string>>((value) => isTable(value) && Object.entries(value).every(isMimeType), {
      error: complaint(MIME_FORMS),
    })
    .default({})
    .register(fieldDocs, { doc: 'Media types by extension, beside the well-known ones.', expected: MIME_FORMS }),
};

function isMimeType([extension, type]: readonly [string, unknown]): boolean {
  return /^\.[^/\p{Cc}\p{Cs}]+$/u.test(extension) && typeof type === 'string' && /^[ -~]+$/.test(type);
}

function parseControlPort(spec: string): string {
  return spec === '' ? '' : parseZmqEndpoint(spec);
}

/** Permissions that let nobody write would be useless. Throws a `ConfigError`. */
function parseMode(mode: string): number {
  if (mode === '') throw textError(`expected ${MODE_FORMS}`);
  return parseFileMode(mode);
}
