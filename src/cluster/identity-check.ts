import { isIP } from 'node:net';
import { type ConnectionOptions, checkServerIdentity } from 'node:tls';

/** The name that Node checks where it is given none: the library of NATS gives none for an address. */
const NAMELESS = 'localhost';

/** Accepts a certificate for the address of one of these servers, where servers are given by their addresses. @param servers URLs */
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
