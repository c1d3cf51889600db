import { isAbsolute } from 'node:path';
import { z } from 'zod';
import { choice, complaint, count, fieldDocs, plainText, secret, text } from './section-fields.ts';

const SERVERS = 'a list of URLs such as "nats://127.0.0.1:4222"';

const onPartition = choice(['refuse', 'local']);

const file = (doc: string) => text({ expected: 'an absolute path', fits: isAbsolute, doc });

/** The `[cluster]` section: its keys, and what they are for. */
export const clusterSection = {
  doc: 'Several nodes with one set of channels, over NATS. Without `nats` this is one node by itself. See the [guide](../how-to/cluster.md).',
  shape: {
    nats: z
      .array(z.string({ error: () => SERVERS }).refine(isServer, { error: complaint(SERVERS) }), {
        error: complaint(SERVERS),
      })
      .default([])
      .register(fieldDocs, {
        doc: 'NATS servers that are one cluster, or one server: `nats://HOST:PORT`, or `tls://HOST:PORT` where TLS is required. With `nats://` TLS is used where the broker offers it. One of them is used at a time. JetStream must be on.',
        expected: SERVERS,
      }),
    user: plainText({ doc: 'User at the broker, with `password`.' }),
    password: secret({ doc: 'Password of `user`. With `file:PATH`, the text of the file.' }),
    token: secret({ doc: 'Token for the broker, in place of a user. With `file:PATH`, the text of the file.' }),
    credentials: file('File with a JWT and an NKEY seed, as `nsc` writes it (`.creds`), in place of a user.'),
    ca: file(
      'File with the certificates, in PEM, that the certificate of the broker is verified with. If empty, those of the system.',
    ),
    cert: file('File with the certificate, in PEM, that this node shows to the broker, with `key`.'),
    key: file('File with the key of `cert`, in PEM.'),
    prefix: text({
      default: 'holdfast',
      expected: 'up to 64 letters, digits, "-", "_" and ".", with none of "f", "h", "n" and "s" alone behind a "."',
      // Behind a prefix the subjects of nodes go on with one of these: those of another cluster must not.
      fits: (value) => value.length <= 64 && /^[\w-]+(?:\.(?![fhns](?:\.|$))[\w-]+)*$/.test(value),
      doc: 'What the subjects of the cluster begin with. Clusters that share a broker have different ones.',
    }),
    node: text({
      expected: 'up to 64 letters, digits, "-", "_" and "."',
      fits: (value) => value.length <= 64 && /^[\w-]+(?:\.[\w-]+)*$/.test(value),
      doc: 'Name of this node, for people. If empty, the name of the host.',
    }),
    replicas: count({
      default: 1,
      from: 1,
      to: 5,
      doc: 'NATS servers that keep the items of channels with a history, and what else nodes share. Streams that have fewer get so many when a node starts; none gets fewer.',
    }),
    on_partition: onPartition.schema.default('refuse').register(fieldDocs, {
      doc: 'What publishers get while the broker is away: "refuse", a 503, or "local", and their items go to the clients of this node alone.',
      expected: onPartition.expected,
    }),
  },
};

function isServer(value: string): boolean {
  if (!/^(?:nats|tls):\/\//.test(value) || !URL.canParse(value)) return false;
  const { hostname, username, password, pathname, search, hash } = new URL(value);
  return hostname !== '' && username + password + search + hash === '' && (pathname === '' || pathname === '/');
}
