import type { z } from 'zod';
import { channelShape } from './channel-rule.ts';
import { formatValue } from './format-config.ts';
import { MAX_UNIX_PATH } from './listen-address.ts';
import { MONGREL2_DOCS } from './mongrel2-reference.ts';
import { mongrel2Tables } from './mongrel2-tables.ts';
import { routeShape } from './route.ts';
import { routeTables } from './route-tables.ts';
import { sections } from './schema.ts';
import { type FieldDoc, fieldDocs } from './section-fields.ts';
import { webhookShape } from './webhook.ts';

/** The reference of the configuration file in Markdown, made from the schema. */
export function configReference(): string {
  const parts = [INTRODUCTION];
  for (const [name, { doc, shape }] of Object.entries(sections)) {
    parts.push(`## \`[${name}]\``, doc, keyTable(shape));
    if (name === 'control') parts.push(ROLES);
    if (name === 'edge') parts.push(...mongrel2Reference());
  }
  parts.push('## `[[channel]]`', CHANNELS, keyTable(channelShape));
  parts.push('## `[[webhook]]`', WEBHOOKS, keyTable(webhookShape));
  parts.push(
    '## `[[route]]`',
    ROUTES,
    keyTable(routeShape),
    ...Object.entries(routeTables).flatMap(([name, shape]) => [
      `### \`[route.${name}]\``,
      TABLES[name as keyof typeof routeTables],
      keyTable(shape),
    ]),
    TARGETS,
    ROUTE_LINES,
    LISTEN_SPECS,
    POLICY,
    LISTEN_ADDRESSES,
    KEYS,
  );
  return `${parts.join('\n\n')}\n`;
}

function mongrel2Reference(): string[] {
  return Object.entries(mongrel2Tables).flatMap(([heading, shape], index) => [
    `${index === 0 ? '##' : '###'} \`${heading}\``,
    MONGREL2_DOCS[heading as keyof typeof MONGREL2_DOCS],
    keyTable(shape),
  ]);
}

const INTRODUCTION = `# Configuration reference

<!-- Made from the schema in src/config by configReference(). -->

The configuration is one TOML file, named with \`holdfast run --config FILE\`. Every key has a default. \`holdfast check\` validates
a file and prints the configuration that results from it, with a comment in the place of each secret.

- Durations are in seconds and may have a fraction. Sizes are in bytes. Either may be a text with a unit instead: \`"500ms"\`, \`"60s"\`, \`"5m"\`, \`"1h"\`, \`"7d"\`;
  \`"64KB"\`, \`"4MB"\`, \`"1GB"\`, where 1 KB is 1,024 bytes.
- All errors in a file are reported at once, with their lines. What depends on several keys, or on a key file, is checked once each value is
  valid by itself. An unknown section or key is an error.
- The file is read at the start, and again at each [reload](../how-to/reload.md), which applies [most keys](../how-to/reload.md#what-changes). The \`routes_file\` of
  \`[proxy]\` is read again whenever it changes.
- Messages count the elements of lists from 0: \`route[1].targets[0]\` is the first target of the second route.
- On the command line \`--port\` replaces \`listen\` of \`[server]\`, \`--control-port\` that of \`[control]\`, \`--route\` replaces all routes, and \`--log-level\` the \`level\` of \`[log]\`.
- \`holdfast condure\` needs no file. Its options are the keys of \`[edge]\`, and it runs only the edge, the outbound client, or both.
- \`holdfast condure\`, \`zurl\`, \`mongrel2\` and \`pushpin\` have \`--control-port\` too.
- \`holdfast mongrel2\` reads Mongrel2's own configuration, and \`holdfast import\` converts it.
- \`holdfast zurl\` reads a zurl.conf. \`holdfast check --zurl-config FILE\` prints it converted to a \`[fetch]\` section.

\`\`\`toml
[server]
listen = ["7999"]

[[route]]
host = "*"
targets = ["localhost:8000"]
\`\`\``;

const CHANNELS = `Keeps the last items of channels for clients that come back. Only the first \`[[channel]]\` in the file whose \`match\` matches the name of a channel applies; a channel
that none matches keeps nothing. One without \`history_items\` exempts its channels from those after it. A [reload](../how-to/reload.md) applies all of them. See the [guide](../how-to/channel-history.md).

\`\`\`toml
[[channel]]
match = "orders.>"
history_items = 100
history_age = 3600
\`\`\``;

const WEBHOOKS = `Tells an application over HTTP who comes to channels and who leaves, signed as [Standard Webhooks](https://www.standardwebhooks.com/) say. Events wait in the history
([\`[history]\`](#history)) until the URL has taken them: with \`store = "disk"\` a restart loses none. There may be 16. A [reload](../how-to/reload.md) applies all of them. See the [guide](../how-to/presence.md).

\`\`\`toml
[[webhook]]
url = "https://app.example.com/hooks/holdfast"
secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
events = ["join", "leave"]
match = "chat.>"
\`\`\``;

const ROUTES = `A route says which requests go to which origin. Write one \`[[route]]\` table for each route. Their order does not matter:

1. If any route names the host of the request, only the routes of that host count. Otherwise those of the longest wildcard that matches
   it do, such as \`*.example.com\`, and otherwise those with \`host = "*"\`.
2. Among matching routes, one that names \`proto\` comes before one that does not, then a longer \`path_beg\` before a shorter one, then one
   that names \`ssl\`.

Two routes with the same \`host\`, \`proto\`, \`ssl\` and \`path_beg\` are an error. A request that matches no route gets a 502.`;

const ROLES = `### Roles of the control port

| role | may |
|---|---|
| \`publish\` | publish, \`/recover\`, and read the metrics |
| \`read\` | read the metrics, the status, channels, routes, errors, and the contents of messages that are published |
| \`admin\` | all of that, and change routes, keys and certificates, reload, upgrade, drain, and end connections |

The roles of a token are its claim \`role\`, which is one of these words or a list of them, or else those of them that are in \`scope\`, separated by
spaces. A token that names none, and every entry of \`basic\`, has \`publish\` and \`read\`. Whoever connects over a unix socket has all roles.

\`\`\`toml
[control]
listen = ["127.0.0.1:5561", "unix:/run/holdfast/control.sock?mode=660&group=holdfast"]

[[control.user]]
name = "ann"
password = "correct horse battery staple"
role = "admin"
\`\`\``;

/** What the tables of a route are for. */
const TABLES = {
  jwt: `Under a \`[[route]]\` this table lets only those requests and WebSockets pass that have a valid JSON Web Token (RFC 7519). A token needs
\`exp\`. Others get a 401 with \`WWW-Authenticate\` (RFC 6750). An empty table is an error: \`key\` or \`jwks\` is needed.`,
  limit: `Under a \`[[route]]\` this table limits the requests of each client by a token bucket. Each process counts by itself.`,
  compress: `Under a \`[[route]]\` this table compresses responses that the origin has not compressed. Left as they are: responses with
\`Cache-Control: no-transform\`, \`Content-Encoding\`, \`Content-Range\`, or a digest of the content; strong entity tags become weak. Do not
compress pages that show a secret next to what the client sent, because their length would give it away (BREACH).`,
  check: `Under a \`[[route]]\` this table has each target checked at an interval. One that fails its check is passed over, as one that refuses
connections is, until it passes again. If all fail, requests go to them all the same. Each process checks by itself, and spreads the checks
of many routes over the interval. The target \`test\` cannot be checked.`,
  resume: `Under a \`[[route]]\` this table makes event streams of the origin resumable, without a change to the origin: responses with the
status 200 and the type \`text/event-stream\` to other methods than HEAD. Each event gets an \`id\` line, in place of the origin's. A client that comes back with the last one, in
\`Last-Event-ID\` or as \`last_event_id\` in the query, gets what follows from a log, and then the rest as it comes; the origin gets no second request. The client has to
request the same URL, by GET or by the method of the first request. Otherwise, and where the id is unknown, the request goes to the origin
as any other. An empty table uses the defaults. See the [guide](../how-to/resume.md).`,
};

const TARGETS = `### Targets

A target is \`HOST:PORT\` or \`[IPV6]:PORT\`, and its properties after commas: \`10.0.0.2:8000,host=app.internal\`.

| property | meaning |
|---|---|
| \`host=NAME\` | the \`Host\` that the origin gets instead of the client's |
| \`untrusted\` | connections are made only to addresses on the public internet; for targets whose name others control |
| \`over_http\` | WebSockets are spoken over HTTP requests (WebSocket-over-HTTP) |
| \`one_event\` | with \`over_http\`: each request has one event at most |
| \`sub=CHANNEL\` | subscribes each held client and WebSocket to this channel, whose name gets no prefix; may be repeated |
| \`ssl\` | TLS to the origin. Its certificate must be valid for the name in \`Host\`, and come from an authority that the system trusts (or the file that \`SSL_CERT_FILE\` names) |
| \`trust_connect_host\` | the certificate may also be valid for the host of the target |
| \`insecure\` | the certificate is not verified |
| \`client_cert=PATH\`, \`client_key=PATH\` | certificate and key (PEM) that this proxy shows to the origin. A relative path begins at the working directory |
| \`ipc_file_mode=OCTAL\` | for handlers over ZeroMQ: the permissions of socket files |

Instead of an address a target may be handlers over ZeroMQ (ZHTTP), which connect to it. \`zhttp/BASE\` is like \`zclient_stream\` of \`[edge]\`:
three endpoints whose names begin with BASE, for streams and WebSockets too. \`zhttpreq/ENDPOINT\` is one endpoint, where each request and
each response is one message with a body of at most 1,000,000 bytes; WebSockets get a 502. All routes together may have 100 of them.

The target \`test\` is built in. It responds to \`/\` with a greeting, holds requests for \`/response\`, and streams to those for \`/stream\`, on the
channels of their parameters \`channel\`, by default \`test\`. A WebSocket to \`/ws\` gets its own messages back, and what is published to these
channels. The \`path_beg\` of the route is not part of these paths.`;

const ROUTE_LINES = `### Route lines

\`--route\` takes a route in the notation of Pushpin's routes file: the condition, white space, and one or more targets. The condition is
the host, followed by any of the keys above as properties.

\`\`\`
* localhost:8000
example.com,path_beg=/api,debug 10.0.0.1:8000 10.0.0.2:8000,host=app.internal
example.com,header="X-Greeting:good day" localhost:8000
,id=internal localhost:8000
\`\`\`

- Switches such as \`debug\` have no value. \`ssl\` is \`yes\` or \`no\`. A header is \`header=NAME:VALUE\`, once for each.
- Any part may be quoted; between quotes \`\\"\` is a quote and \`\\\\\` a backslash. \`#\` starts a comment.
- An unknown property is an error.`;

const LISTEN_SPECS = `## Listen specs

\`listen\` of \`[edge]\`, and \`--listen\` of \`holdfast condure\`, take Condure's notation: an address, and parameters after commas.

| listen spec | listens on |
|---|---|
| \`8000\` | this TCP port of every IPv4 interface |
| \`127.0.0.1:8000,req\`, \`[::1]:8000,stream\` | this TCP port of one interface, given by its address, not by a name |
| \`8443,tls,default-cert=example.com\` | the same with TLS |
| \`/run/edge.sock,local,mode=660,user=www,group=www\` | a unix socket with these permissions (octal) and this owner |

- \`stream\`, the default: handlers get requests in pieces, may hold them, and get WebSockets. \`req\`: each request and each response is one
  message. If both are given, the later one counts.
- The certificate is that of the host that the client names, or else that of \`default-cert\`. Without a certificate the connection is
  refused.
- With \`proxy-protocol\` each connection begins with a PROXY header, as for [listeners of the proxy](#parameters-of-listeners).
- A parameter without effect is an error: \`tls\`, \`default-cert\` and \`proxy-protocol\` with \`local\`, \`default-cert\` without \`tls\`, and \`mode\`,
  \`user\` and \`group\` without \`local\`.`;

const POLICY = `## Policy

The rules of \`[fetch]\` say where outbound requests may go. They apply to the host of a URI, to \`connect-host\`, to the hosts of
redirects, and to every address before it is dialled. A rule of \`allow\` and \`deny\` is one of these:

| rule | names |
|---|---|
| \`10.0.0.0/8\`, \`10/8\`, \`10.0.0.0/255.0.0.0\`, \`fc00::/7\` | the addresses of this block, and addresses that embed such an IPv4 address |
| \`192.0.2.1\`, \`2001:db8::1\` | this address, in any notation |
| \`example.com\` | this host, in any case |
| \`*.example.com\`, \`10.*\` | hosts and addresses with this beginning and end; only the first \`*\` is a wildcard |

- With \`default_policy = "allow"\` everything is allowed except what \`deny\` names and \`allow\` does not.
- With \`default_policy = "deny"\` only what \`allow\` names and \`deny\` does not is allowed.
- Unless \`allow_internal\` is set, an internal address, or the name \`localhost\`, can only be reached when \`allow\` names it.
- A name and its addresses are judged separately. With \`default_policy = "deny"\` both need a rule in \`allow\`. A wide rule, such as
  \`0.0.0.0/0\`, includes internal addresses.
- \`0.0.0.0\` and \`::\` are loopback addresses. What \`deny\` says of \`127.0.0.1\` applies to \`::1\` too, unless \`allow\` names \`::1\`.
- \`holdfast check --url URL\` shows how a URL is judged, and by which rule.

\`\`\`toml
[fetch]
req = ["ipc:///run/holdfast/fetch-req"]
deny = ["*.example.com"]
allow = ["10.1.2.0/24"]
\`\`\``;

const LISTEN_ADDRESSES = `## Listen addresses

| address | listens on |
|---|---|
| \`7999\` | this TCP port of every interface, IPv4 and IPv6 |
| \`127.0.0.1:7999\`, \`localhost:7999\` | this TCP port of one interface |
| \`[::1]:7999\` | the same for IPv6 |
| \`unix:/run/holdfast.sock\` | a unix socket; its path has at most ${MAX_UNIX_PATH} bytes |
| \`unix:/run/holdfast.sock?mode=660&user=www&group=www\` | a unix socket with these permissions (octal) and this owner |

Port 0 lets the system choose a free port. A relative path starts at the working directory.

### Parameters of listeners

After a TCP address of \`[server]\` there may be parameters, as in \`443,tls,default-cert=example.com\`:

| parameter | meaning |
|---|---|
| \`tls\` | TLS 1.2 and 1.3. The certificate is that of the host that the client names (SNI): \`NAME.crt\` and \`NAME.key\` in \`tls_identities_dir\`, or \`_.example.com.crt\` for each host one level below \`example.com\`. Files that change are read again |
| \`default-cert=NAME\` | the certificate of clients that name no host, or one without a certificate. Otherwise they are refused |
| \`acme\` | certificates for the hosts of the routes are ordered and renewed, as \`[acme]\` says |
| \`proxy-protocol\` | each connection begins with a PROXY header, version 1 or 2, as HAProxy and cloud load balancers send it. The client is the one that the header names. Connections from addresses outside \`trusted_proxies\`, and those without a header within 10 s, are closed |
| \`redirect=PORT\` | without \`tls\`: every request is redirected (308) to the same URL with https and this port, except those below \`/.well-known/acme-challenge/\`. The connections of such listeners are bounded by \`max_connections\` apart |`;

const KEYS = `## Keys

\`sig_key\`, \`upstream_key\`, \`bearer_key\` and the \`key\` of \`[route.jwt]\` take a key in one of these forms:

| text | key |
|---|---|
| \`base64:…\` | the bytes that follow, in base64 |
| \`file:PATH\` | the content of the file: PEM if it begins with \`-----BEGIN\`, otherwise bytes in hex digits. A relative path begins at the working directory |
| anything else | this text, in UTF-8 |`;

function keyTable(shape: z.ZodRawShape): string {
  const rows = Object.entries(shape).map(([key, schema]) => {
    const docs = fieldDocs.get(schema as z.ZodType) as FieldDoc;
    return `| \`${key}\` | ${docs.doc} | ${docs.expected} | ${defaultText(schema as z.ZodType)} |`;
  });
  return ['| key | meaning | value | default |', '|---|---|---|---|', ...rows].join('\n');
}

function defaultText(schema: z.ZodType): string {
  const { def } = schema as z.ZodDefault;
  if ((def.type as string) === 'optional') return 'not set';
  if (def.type !== 'default' && (def.type as string) !== 'prefault') return 'required';
  return def.defaultValue === null ? 'not set' : `\`${formatValue(def.defaultValue)}\``;
}
