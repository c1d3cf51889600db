import type { Instruct } from '../codec/grip/index.ts';
import type { LinkClient } from '../hub/index.ts';

/** One client of a request of a next link, and what is done at the end of its response. */
export interface LinkShare {
  readonly client: LinkClient;
  readonly onInstruct: (instruct: Instruct) => void;
}

/** A request of a next link that others can still share. */
export interface JoinableLink {
  /** How much the hub had delivered when its first client came to need it. */
  readonly since: number;
  /** The route that it takes. */
  readonly via: object;
  join(share: LinkShare): void;
  /** Harmless when it has left. */
  leave(share: LinkShare): void;
  /** A client has taken what it got. */
  taken(): void;
}
