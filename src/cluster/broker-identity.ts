import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';

/** What Node takes as the name of a server that none is known of: the library of NATS gives none for an address. */
const NAMELESS = 'localhost';

/** Has a certificate that is for the address of one of these servers pass, where they are addresses. @param servers URLs */
export function identityCheck(servers: readonly string[]): Pick<ConnectionOptions, 'checkServerIdentity'> {
  const hosts = servers.map((url) => new URL(url).hostname.replace(/^\[(.*)\]$/, '$1'));
  const addresses = hosts.filter((host) => isIP(host) > 0);
  if (addresses.length === 0) return {};
  return {
    checkServerIdentity: (name, certificate) => {
      const isNameless = name === NAMELESS && !hosts.includes(NAMELESS);
      const passes = isNameless && addresses.some((address) => checkServerIdentity(address, certificate) === undefined);
      return passes ? undefined : checkServerIdentity(name, certificate);
    },
  };
}
