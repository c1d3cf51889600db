/** The tables of a Mongrel2 server with TLS that lets clients of some authorities in. @param route folder of its files */
export function tlsSite(uuid: string, certdir: string, authorities: string, route: string): string {
  return `[[edge.mongrel2]]
listen = "127.0.0.1:0"
uuid = "${uuid}"
default_host = "h"
[edge.mongrel2.tls]
certdir = "${certdir}"
client_ca = "${authorities}"
[[edge.mongrel2.host]]
name = "h"
route = [{ path = "/", dir = "${route}" }]
`;
}
