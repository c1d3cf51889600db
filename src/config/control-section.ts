import { z } from 'zod';
import { HOST_NAME_FORMS, parseHostName } from './host-name.ts';
import { formatListenAddress, LISTEN_FORMS, parseListenAddress } from './listen-address.ts';
import { bytes, choice, complaint, count, fieldDocs, plainText, seconds, secret, textCodec } from './section-fields.ts';

const listenAddresses = z.array(textCodec(LISTEN_FORMS, parseListenAddress, formatListenAddress), {
  error: complaint('a list of listen addresses'),
});

/** Phrased to follow "expected". */
const ORIGINS = 'a list of origins such as "https://app.example.com"';
const BASIC = 'a list of "NAME:PASSWORD"';
const USERS = 'tables, each under [[control.user]], with name, password and role';

const role = choice(['read', 'publish', 'admin']);

const user = z.strictObject(
  {
    name: z
      .string({ error: complaint('a name') })
      .regex(/^[^:\p{Cc}]+$/u, { error: () => 'expected a name without ":" and control characters' }),
    password: z.string({ error: () => 'expected a password' }).regex(/^\P{Cc}+$/u, {
      error: () => 'expected a password of one character or more, none of them a control character',
    }),
    role: role.schema,
  },
  { error: complaint(USERS) },
);

/** The `[control]` section: its keys, and what they are for. */
export const controlSection = {
  doc: 'The control port: the publish endpoint, metrics and the control API. Unless `bearer_key`, `basic` or a `[[control.user]]` is set, whoever reaches it may publish and read the metrics, and nobody may do more.',
  shape: {
    listen: listenAddresses.optional().register(fieldDocs, {
      doc: 'Addresses that publishers connect to, and what reads metrics. Where it is not set, a server with a proxy listens on "127.0.0.1:5561", and one without on nothing. An empty list turns the control port off. Whoever may connect to a unix socket may do everything: its mode is 600 unless its address says another one.',
      expected: `a list of ${LISTEN_FORMS}`,
    }),
    hosts: z
      .array(textCodec(HOST_NAME_FORMS, parseHostName, String), { error: complaint(`a list of ${HOST_NAME_FORMS}`) })
      .prefault([])
      .register(fieldDocs, {
        doc: 'Host names by which publishers address the control port, besides `localhost` and IP addresses. Requests with another name in `Host` that a web page could have sent, as each GET and what has an `Origin`, get a 403. "*" allows any name.',
        expected: `a list of ${HOST_NAME_FORMS}`,
      }),
    origins: z
      .array(
        z
          .string({ error: complaint(ORIGINS) })
          .regex(/^https?:\/\/[^/\s]+$/, { error: complaint(ORIGINS) })
          .toLowerCase(),
        {
          error: complaint(ORIGINS),
        },
      )
      .default([])
      .register(fieldDocs, {
        doc: 'Origins of web pages that may publish. Pages of other sites get a 403.',
        expected: ORIGINS,
      }),
    bearer_key: secret({
      doc: 'Key that verifies the JWT of publishers (`Authorization: Bearer`) and other callers: signed with HS256 if the key is a secret, else with the algorithm of the public key. A private key is refused. `exp` is required. The claim `role` or `scope` may name [roles](#roles-of-the-control-port).',
    }),
    bearer_iss: plainText({ doc: 'Issuer that the JWT must name. If empty, any issuer is accepted.' }),
    basic: z
      .array(z.string({ error: () => BASIC }).regex(/^[^:\p{Cc}]+:\P{Cc}*$/u, { error: () => `expected ${BASIC}` }), {
        error: () => `expected ${BASIC}`,
      })
      .default([])
      .register(fieldDocs, {
        doc: 'Names and passwords of callers (`Authorization: Basic`) with the roles `publish` and `read`. If `bearer_key` is set too, either will do. Without TLS in front they pass the network readable.',
        expected: BASIC,
        secret: true,
      }),
    user: z
      .array(user, { error: complaint(USERS) })
      .superRefine((users, context) => {
        const names = users.map(({ name }) => name);
        const index = names.findIndex((name, i) => names.indexOf(name) < i);
        if (index >= 0) context.addIssue({ code: 'custom', path: [index, 'name'], message: 'this name is used above' });
      })
      .default([])
      .register(fieldDocs, {
        doc: 'Callers with a name, a password and a role: `read` for what the server tells of itself and the contents of messages, `publish`, or `admin` for everything. See [roles](#roles-of-the-control-port).',
        expected: USERS,
        secret: true,
      }),
    request_rate: count({
      default: 0,
      from: 1,
      to: 10_000_000,
      zero: 'for no limit',
      doc: 'Maximum number of publish requests a second, of all publishers together. As many may come at once after a pause. Further ones get a 429 with `Retry-After`.',
    }),
    request_timeout: seconds({
      default: 60,
      from: 0.1,
      to: 86_400,
      zero: 'for no limit',
      doc: 'Maximum time for a whole request to arrive, including its body. A slower request gets a 408. Responses, such as streams of events, may take longer.',
    }),
    max_header_bytes: bytes({
      default: 10_000,
      from: 1024,
      to: 1_048_576,
      doc: 'Maximum size of the header block of a request. A larger one gets a 400.',
    }),
    max_body_bytes: bytes({
      default: 1_000_000,
      from: 1024,
      to: 1_073_741_824,
      doc: 'Maximum size of the body of a publish request. A larger one gets a 413.',
    }),
    max_connections: count({
      default: 128,
      from: 1,
      to: 1_000_000,
      doc: 'Maximum number of connections over TCP, and of those over unix sockets. At the limit a new connection takes the place of the one that has waited longest for a complete request; those that have sent a header block are spared while others have not. If all requests are complete, the new connection waits, as at the limit for clients. The header block of a request must arrive within 5 s, or within `header_timeout` of `[server]` if that is less.',
    }),
  },
};
