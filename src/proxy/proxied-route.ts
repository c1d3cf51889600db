import { type Config, type Route, resolveKey } from '../config/index.ts';
import type { HeaderList, Log } from '../exchange/index.ts';
import { GripSigner } from './grip-signer.ts';

/** A route, and what is worked out once for all its requests. */
export interface ProxiedRoute {
  readonly route: Route;
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
export function prepareRoutes(config: Config, readFile: (path: string) => string, log: Log): Promise<ProxiedRoute[]> {
  const signers = new Map<string, Promise<GripSigner>>();
  const prepare = async (route: Route): Promise<ProxiedRoute> => {
    const issuer = route.sigIss || config.proxy.sigIss;
    const keyText = route.sigKey || config.proxy.sigKey;
    const key = resolveKey(keyText, readFile);
    let signer: Promise<GripSigner> | undefined;
    if (key !== null && !route.noGrip) {
      const identity = JSON.stringify([issuer, keyText]);
      signer = signers.get(identity) ?? GripSigner.create(issuer, key, log);
      signers.set(identity, signer);
    }
    const setHeaders: HeaderList = [];
    const setNames = new Set<string>();
    for (let i = 0; i < route.header.length; i += 2) {
      const name = route.header[i] as string;
      const value = route.header[i + 1] as string;
      setNames.add(name.toLowerCase());
      if (value !== '') setHeaders.push(name, value);
    }
    return {
      route,
      debug: route.debug || config.proxy.debug,
      setHeaders,
      setNames,
      signer: (await signer) ?? null,
    };
  };
  return Promise.all(config.routes.map(prepare));
}
