/** What the reference says of each table of a Mongrel2 server, by its heading. */
export const MONGREL2_DOCS = {
  '[[edge.mongrel2]]': `Each of these tables is a server that does the job of Mongrel2: hosts and routes, handlers over ZeroMQ, static files, and HTTP origins.
\`holdfast import\` writes them from a configuration of Mongrel2; see the [guide](../how-to/mongrel2.md). Set \`listen = []\` under \`[server]\` to run them without the proxy.

\`\`\`toml
[server]
listen = []

[[edge.mongrel2]]
listen = "127.0.0.1:6767"
default_host = "localhost"
access_log = "logs/access.log"

[edge.mongrel2.handler.chat]
send_spec = "tcp://127.0.0.1:9999"
send_ident = "82209006-86ff-4982-b5ea-d1e29e55d481"
recv_spec = "tcp://127.0.0.1:9998"

[[edge.mongrel2.host]]
name = "localhost"
route = [
  { path = "/chat", handler = "chat" },
  { path = "/api/", proxy = "127.0.0.1:8000" },
  { path = "/", dir = "static", index_file = "index.html" },
]
\`\`\``,
  '[edge.mongrel2.handler.NAME]': `Programs that respond to requests over ZeroMQ, in Mongrel2's protocol. Routes refer to them by NAME. Keep \`send_spec\` and \`recv_spec\`
where only trusted programs reach them: there is no authentication.`,
  '[[edge.mongrel2.host]]': `A virtual host. A request belongs to the host with the longest \`matching\` at the end of the name in its \`Host\`, or else to
\`default_host\`.`,
  '[[edge.mongrel2.host.route]]': `The tables of \`route\`, which may also be written as \`[[edge.mongrel2.host.route]]\`. Each has \`path\` and one of \`handler\`, \`proxy\` and \`dir\`.
The longest prefix wins; if no pattern after it matches, the request gets a 404, even where a shorter prefix would match.

<a id="paths-of-mongrel2"></a>A path matches every request whose path begins with it: \`/chat\` matches \`/chatter\` too. After a prefix there may be a
pattern in parentheses: \`/users/(\\d+)$\`. \`.\` is any character, \`\\d\` a digit, \`\\a\` a letter, \`\\w\` either, \`\\l\` and \`\\u\` lower and upper case, \`\\s\` white space, \`\\p\` punctuation,
\`\\c\` a control character, \`\\x\` a hexadecimal digit, in upper case their opposites; \`[a-z]\` and \`[^a-z]\` are sets; \`*\`, \`+\`, \`?\` repeat as usual and \`-\` as little as
possible; \`\\bxy\` is what stands between \`x\` and \`y\` in balance; \`$\` is the end.`,
  '[edge.mongrel2.tls]': `TLS of all connections of the server. Certificates are read again at SIGHUP.`,
  '[edge.mongrel2.settings]': `Limits and switches, which Mongrel2 has in its \`settings\` for all servers.`,
} as const;
