import type { Guarded } from '../clock/index.ts';
import type { PartState } from '../exchange/index.ts';
import type { ChannelPosition } from './next-link.ts';

/** What a filter asks a service about one item and one client (GRIP §6). */
export interface FilterQuestion {
  /** As the origin gave it: it may be relative. */
  readonly url: string;
  /** The content of the item where the service may change it, otherwise empty. */
  readonly body: Buffer;
  /** What the origin said of the client. */
  readonly subMeta: Readonly<Record<string, string>>;
  /** What the publisher said of the item. */
  readonly pubMeta: Readonly<Record<string, string>>;
  /** What the client has of its channels. */
  readonly positions: readonly ChannelPosition[];
}

/** Makes the requests of the filters of one client. */
export interface FilterService {
  /** From what another process makes it again. Absent: it cannot move there. */
  readonly state?: PartState;
  /**
   * Makes a request. Nothing is sent before `start`.
   * @throws FilterError where the question cannot be asked
   */
  open(question: FilterQuestion, client: FilterClient): FilterCall;
}

/** The request of a filter on its way. */
export interface FilterCall {
  /** Names the target: a bounded number of requests is at each target at once. */
  readonly target: string;
  /** The whole URI: a bounded number of requests is made to each in a second. */
  readonly uri: string;
  start(): void;
  /** The response is not wanted any more. Harmless when it is over. */
  abort(): void;
}

/** Gets the response of a filter's service. */
export interface FilterClient extends Guarded {
  /** @param drop whether the client is not to get the item */
  onFilterResponse(status: number, drop: boolean, body: Buffer): void;
  /** There is no response, or it is not one that can be used. */
  onFilterFailed(detail: string): void;
}
