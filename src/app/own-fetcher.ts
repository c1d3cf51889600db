import {
  DEFAULT_CLIENT_LIMITS,
  DEFAULT_WEBSOCKET_CLIENT_LIMITS,
  HttpClient,
  WebSocketClient,
} from '../client/index.ts';
import type { TimerWheel } from '../clock/index.ts';
import type { Log, OriginCounters } from '../exchange/index.ts';
import { HttpFetcher } from '../fetch/index.ts';
import { SystemResolver, TcpDialler } from '../net/index.ts';

/** What requests are made with that the program makes for itself. @param shared counts them apart from requests to origins */
export function ownFetcher(shared: {
  readonly wheel: TimerWheel;
  readonly counters: OriginCounters;
  readonly log: Log;
}): {
  readonly client: HttpClient;
  readonly fetcher: HttpFetcher;
} {
  const means = { ...shared, dialler: new TcpDialler({ resolver: new SystemResolver(), log: shared.log }) };
  const client = new HttpClient({ ...means, limits: { current: DEFAULT_CLIENT_LIMITS } });
  const limits = { current: DEFAULT_WEBSOCKET_CLIENT_LIMITS };
  const opener = new WebSocketClient({ ...means, limits, compression: false });
  return { client, fetcher: new HttpFetcher({ ...means, client, opener, ipv4Only: false }) };
}
