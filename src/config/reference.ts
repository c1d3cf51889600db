import type { z } from 'zod';
import { formatValue } from './format-config.ts';
import { MAX_UNIX_PATH } from './listen-address.ts';
import { routeShape } from './route.ts';
import { sections } from './schema.ts';
import { type FieldDoc, fieldDocs } from './section-fields.ts';

/** The reference of the configuration file in Markdown, made from the schema. */
export function configReference(): string {
  const parts = [INTRODUCTION];
  for (const [name, { doc, shape }] of Object.entries(sections)) {
    parts.push(`## \`[${name}]\``, doc, keyTable(shape));
  }
  parts.push(
    '## `[[route]]`',
    ROUTES,
    keyTable(routeShape),
    TARGETS,
    ROUTE_LINES,
    LISTEN_SPECS,
    POLICY,
    LISTEN_ADDRESSES,
    KEYS,
  );
  return `${parts.join('\n\n')}\n`;
}

const INTRODUCTION = `# Configuration reference

<!-- Made from the schema in src/config by configReference(). -->

The configuration is one TOML file, named with \`holdfast run --config FILE\`. Every key has a default. \`holdfast check\` validates
a file and prints the configuration that results from it, with a comment in the place of each secret.

- Durations are in seconds and may have a fraction. Sizes are in bytes.
- Everything that is wrong with a file is reported at once, with its line. A section or key that does not exist is an error.
- In messages the elements of lists are counted from 0: \`route[1].targets[0]\` is the first target of the second route.
- On the command line \`--port\` replaces \`listen\` of \`[server]\`, \`--control-port\` that of \`[control]\`, \`--route\` replaces all routes, and \`--log-level\` the \`level\` of \`[log]\`.
- \`holdfast condure\` needs no file: its options are the keys of \`[edge]\`, and only the edge runs, or what makes outbound requests.
- \`holdfast zurl\` reads a zurl.conf. \`holdfast check --zurl-config FILE\` prints what it is as \`[fetch]\` of this file.

\`\`\`toml
[server]
listen = ["7999"]

[[route]]
host = "*"
targets = ["localhost:8000"]
\`\`\``;

const ROUTES = `A route says which requests go to which origin. Write one \`[[route]]\` table for each; their order does not matter:

1. If any route names the request's host, only the routes of that host count, else those with \`host = "*"\`.
2. Of those that match, one that names \`proto\` goes before one that does not, then a longer \`path_beg\` before a shorter one, then one
   that names \`ssl\`.

Two routes with the same \`host\`, \`proto\`, \`ssl\` and \`path_beg\` are an error. A request that no route takes is answered 502.`;

const TARGETS = `### Targets

A target is \`HOST:PORT\` or \`[IPV6]:PORT\`. If the origin needs another \`Host\` than the client's, add it: \`10.0.0.2:8000,host=app.internal\`.`;

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
- Quotes may stand around any part; between them \`\\"\` is a quote and \`\\\\\` a backslash. \`#\` begins a comment.
- A property that does not exist is an error, and so is one of Pushpin's that this version does not support.`;

const LISTEN_SPECS = `## Listen specs

\`listen\` of \`[edge]\`, and \`--listen\` of \`holdfast condure\`, take Condure's notation: an address, and parameters after commas.

| listen spec | listens on |
|---|---|
| \`8000\` | this TCP port of every IPv4 interface |
| \`127.0.0.1:8000,req\`, \`[::1]:8000,stream\` | this TCP port of one interface, given by its address, not by a name |
| \`8443,tls,default-cert=example.com\` | the same with TLS |
| \`/run/edge.sock,local,mode=660,user=www,group=www\` | a unix socket with these permissions (octal) and this owner |

- \`stream\`, the default: handlers get requests piece by piece and may hold them, and WebSockets. \`req\`: each request and each answer is one
  message. If both are given the later one counts.
- The certificate is the one of the host that a client names, else that of \`default-cert\`; without one the connection is refused.
- A parameter that would have no effect is an error: \`tls\` and \`default-cert\` with \`local\`, \`default-cert\` without \`tls\`, and \`mode\`,
  \`user\` and \`group\` without \`local\`.`;

const POLICY = `## Policy

The rules of \`[fetch]\` say where outbound requests may go. They are applied to the host of a URI, to \`connect-host\`, to the hosts of
redirects, and to every address before it is dialled. An expression of \`allow\` and \`deny\` is one of these:

| expression | names |
|---|---|
| \`10.0.0.0/8\`, \`10/8\`, \`10.0.0.0/255.0.0.0\`, \`fc00::/7\` | the addresses of this block, and what embeds such an IPv4 address |
| \`192.0.2.1\`, \`2001:db8::1\` | this address, in whatever notation it comes |
| \`example.com\` | this host, in any case |
| \`*.example.com\`, \`10.*\` | hosts and addresses with this beginning and end; only the first \`*\` stands for something |

- With \`default_policy = "allow"\` everything goes but what \`deny\` names, unless \`allow\` names it too.
- With \`default_policy = "deny"\` nothing goes but what \`allow\` names, unless \`deny\` names it too.
- Unless \`allow_internal\` is set, an internal address, or the name \`localhost\`, can only be reached when \`allow\` names it.
- A name and its addresses are judged each by itself. With \`default_policy = "deny"\` both need a rule of \`allow\`; and a wide one, such as
  \`0.0.0.0/0\`, names internal addresses too.
- \`0.0.0.0\` and \`::\` are loopback addresses, and what \`deny\` says of \`127.0.0.1\` holds for \`::1\` unless \`allow\` names that.
- \`holdfast check --url URL\` says what becomes of a URL, and by which rule.

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

Port 0 lets the system choose a free port. A relative path begins at the working directory.`;

const KEYS = `## Keys

\`sig_key\` and \`upstream_key\` take a key in one of these forms:

| text | key |
|---|---|
| \`base64:…\` | the bytes that follow, in base64 |
| \`file:PATH\` | what the file holds: PEM if it begins with \`-----BEGIN\`, else bytes in hex digits. A relative path begins at the working directory |
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
  if (def.type !== 'default' && (def.type as string) !== 'prefault') return 'required';
  return def.defaultValue === null ? 'not set' : `\`${formatValue(def.defaultValue)}\``;
}
