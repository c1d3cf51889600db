import { type Origin, originOf } from '../client/index.ts';
import { type Config, type Route, resolveKey } from '../config/index.ts';
import type { HeaderList } from '../exchange/index.ts';
import { Guard } from '../net/index.ts';
import { GripSigner } from './grip-signer.ts';

/** A route, and what is worked out once for all its requests. */
export interface ProxiedRoute {
  readonly route: Route;
  /** Of the route's targets, in their order. */
  readonly origins: readonly Origin[];
  /** Whether error answers tell what went wrong. */
  readonly debug: boolean;
  /** Fields to set on requests. */
  readonly setHeaders: HeaderList;
  /** Lower-case names of the client's fields that these replace, or that the route removes. */
  readonly setNames: ReadonlySet<string>;
  /** Null where requests are not signed. */
  readonly signer: GripSigner | null;
}

/**
 * Prepares the routes of a configuration.
 * @param readFile reads the text of a key file
 * @throws Error when a key cannot be read or used
 */
export function prepareRoutes(config: Config, readFile: (path: string) => string): ProxiedRoute[] {
  const signers = new Map<string, GripSigner | null>();
  // What an operator wrote is trusted, but for the targets of whose names the operator says that others decide where they lead.
  const untrusted = new Guard({ defaultPolicy: 'allow', allow: [], deny: [], denyInternal: true });
  return config.routes.map((route) => {
    const setHeaders: HeaderList = [];
    const setNames = new Set<string>();
    for (let i = 0; i < route.header.length; i += 2) {
      const name = route.header[i] as string;
      const value = route.header[i + 1] as string;
      setNames.add(name.toLowerCase());
      if (value !== '') setHeaders.push(name, value);
    }
    const origins = route.targets.map((target) =>
      originOf(target.host, target.port, null, target.untrusted ? untrusted : null),
    );
    const debug = route.debug || config.proxy.debug;
    return { route, origins, debug, setHeaders, setNames, signer: signerOf(route, config, readFile, signers) };
  });
}

/** The signer for a route's requests, shared by the routes with the same issuer and key. */
function signerOf(
  route: Route,
  config: Config,
  readFile: (path: string) => string,
  signers: Map<string, GripSigner | null>,
): GripSigner | null {
  if (route.noGrip) return null;
  const issuer = route.sigIss || config.proxy.sigIss;
  const keyText = route.sigKey || config.proxy.sigKey;
  const identity = JSON.stringify([issuer, keyText]);
  let signer = signers.get(identity);
  if (signer === undefined) {
    const key = resolveKey(keyText, readFile);
    signer = key === null ? null : new GripSigner(issuer, key);
    signers.set(identity, signer);
  }
  return signer;
}
