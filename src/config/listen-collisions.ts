import { isIP } from 'node:net';
import type { EdgeListener } from './edge-listener.ts';
import { formatListenAddress, type ListenAddress } from './listen-address.ts';

/** The listen addresses of all servers of one process. */
export interface Listeners {
  readonly server: { readonly listen: readonly ListenAddress[] };
  readonly control: { readonly listen: readonly ListenAddress[] };
  readonly edge: { readonly listen: readonly EdgeListener[] };
}

/** A listen address that an earlier one already covers. */
export interface ListenCollision {
  readonly section: 'server' | 'control' | 'edge';
  readonly index: number;
  readonly earlier: { readonly section: ListenCollision['section']; readonly index: number };
  readonly message: string;
}

interface Place {
  readonly section: ListenCollision['section'];
  readonly index: number;
  readonly address: ListenAddress;
}

/** The name of an address where it is configured. */
export type NameOfListener = (section: ListenCollision['section'], index: number) => string;

const keyOf: NameOfListener = (section, index) => `${section}.listen[${index}]`;

/** Finds listen addresses that cannot be bound because another one of the same process covers them. Port 0 never collides. */
export function listenCollisions(
  { server, control, edge }: Listeners,
  nameOf: NameOfListener = keyOf,
): ListenCollision[] {
  const places: Place[] = [
    ...server.listen.map((address, index) => ({ section: 'server' as const, index, address })),
    ...edge.listen.map(({ address }, index) => ({ section: 'edge' as const, index, address })),
    // Without the proxy there is no publish endpoint either.
    ...(server.listen.length === 0 ? [] : control.listen).map((address, index) => ({
      section: 'control' as const,
      index,
      address,
    })),
  ];
  return places.flatMap(({ section, index, address }, at) => {
    const earlier = places.slice(0, at).find((other) => collide(other.address, address));
    if (earlier === undefined) return [];
    const place = nameOf(earlier.section, earlier.index);
    const message = `${formatListenAddress(address)} is already used by ${place} (${formatListenAddress(earlier.address)}): choose another port`;
    return [{ section, index, earlier, message }];
  });
}

function collide(a: ListenAddress, b: ListenAddress): boolean {
  if (a.kind === 'unix' || b.kind === 'unix') return a.kind === 'unix' && b.kind === 'unix' && a.path === b.path;
  if (a.port !== b.port || a.port === 0) return false;
  return covers(a.host, b.host) || covers(b.host, a.host);
}

/** Whether a listener on `wide` also takes the connections of `host`. */
function covers(wide: string | null, host: string | null): boolean {
  const [one, other] = [plain(wide), plain(host)];
  if (one === '::' || one === other) return true;
  return one === '0.0.0.0' && isIP(other) !== 6;
}

/** An address in one notation. A port alone listens on every interface, which is what `::` stands for. */
function plain(host: string | null): string {
  if (host === null) return '::';
  if (host.toLowerCase() === 'localhost') return '127.0.0.1';
  if (isIP(host) !== 6) return host.toLowerCase();
  return new URL(`http://[${host.replace(/%.*$/, '')}]`).hostname.slice(1, -1);
}
