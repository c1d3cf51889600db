import { type Config, formatHostPort, makeOfKey, type Route, type Target } from '../config/index.ts';
import type { Counters, HeaderList, Service } from '../exchange/index.ts';
import { GripSigner } from './grip-signer.ts';
import { TargetList } from './target-list.ts';

/** A route, and what is prepared once for all its requests. */
export interface ProxiedRoute {
  readonly route: Route;
  /** Where its requests go. */
  readonly targets: TargetList;
  /** Whether error responses say what went wrong. */
  readonly debug: boolean;
  /** Fields to set on requests. */
  readonly setHeaders: HeaderList;
  /** Lower-case names of the client's fields that these replace, or that the route removes. */
  readonly setNames: ReadonlySet<string>;
  /** Null where requests are not signed. */
  readonly signer: GripSigner | null;
}

/** What routes are prepared with. */
export interface RouteMeans {
  /** The service that sends requests to a target. */
  readonly serviceOf: (target: Target) => Service;
  /** Reads the text of a key file. */
  readonly readFile: (path: string) => string;
  readonly counters: Counters;
}

/**
 * Prepares the routes of a configuration.
 * @throws Error when a key cannot be read or used
 */
export function prepareRoutes(config: Config, { serviceOf, readFile, counters }: RouteMeans): ProxiedRoute[] {
  const signers = new Map<string, GripSigner | null>();
  return config.routes.map((route, index) => {
    const setHeaders: string[] = [];
    const setNames = new Set<string>();
    for (let i = 0; i < route.header.length; i += 2) {
      const name = route.header[i] as string;
      const value = route.header[i + 1] as string;
      setNames.add(name.toLowerCase());
      if (value !== '') setHeaders.push(name, value);
    }
    const targets = route.targets.map((target) => ({
      name: formatHostPort(target),
      host: target.hostHeader || route.asHost,
      service: serviceOf(target),
    }));
    const debug = route.debug || config.proxy.debug;
    return {
      route,
      targets: new TargetList(targets, counters),
      debug,
      setHeaders,
      setNames,
      signer: signerOf(route, index, config, readFile, signers),
    };
  });
}

/** The signer for a route's requests, shared by the routes with the same issuer and key. */
function signerOf(
  route: Route,
  index: number,
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
    const option = route.sigKey === '' ? 'proxy.sig_key' : `route[${index}].sig_key`;
    signer = makeOfKey(option, keyText, readFile, (key) => new GripSigner(issuer, key));
    signers.set(identity, signer);
  }
  return signer;
}
