import { hasProxy } from './has-proxy.ts';
import { type ListenAddress, parseListenAddress } from './listen-address.ts';

/** What decides where the control port is. */
interface Controlled {
  readonly server: Parameters<typeof hasProxy>[0];
  readonly control: { readonly listen?: readonly ListenAddress[] | undefined };
}

/** Where the proxy has its control port unless the configuration says it. */
export const DEFAULT_CONTROL_LISTEN = '127.0.0.1:5561';

/**
 * Where the control port listens. Several servers without a proxy may run on one machine, so theirs is only where the configuration says:
 * they would all want the same default.
 */
export function controlListen({ server, control }: Controlled): readonly ListenAddress[] {
  return control.listen ?? (hasProxy(server) ? [parseListenAddress(DEFAULT_CONTROL_LISTEN)] : []);
}
