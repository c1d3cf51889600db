import type { RequestPacket } from '../codec/zhttp/index.ts';
import type { Log } from '../exchange/index.ts';
import { publicUri } from './public-uri.ts';

/** What the log says of one request. */
export class SessionRecord {
  /** Status of the response; 0 before it. */
  status = 0;
  /** Bytes of body or messages that have come from the target. */
  received = 0;
  readonly #log: Log;
  readonly #id: string;
  readonly #quiet: boolean;
  readonly #method: string;
  readonly #uri: string;
  readonly #begunAt = performance.now();

  /** @param quiet whether every level is `debug`, as with `ext.quiet` of the request */
  constructor(log: Log, { ids, quiet: asked, method, uri }: RequestPacket, quiet: boolean) {
    this.#log = log;
    this.#id = ids[0]?.id ?? '';
    this.#quiet = quiet || asked;
    this.#method = method;
    this.#uri = uri;
  }

  /** Writes the outcome. @param from address of the requester */
  write(level: 'error' | 'warn' | 'info', message: string, from: string, more?: Record<string, unknown>): void {
    const { infoEnabled, debugEnabled } = this.#log;
    if (this.#quiet ? !debugEnabled : level === 'info' && !infoEnabled) return;
    const record: Record<string, unknown> = {
      id: this.#id === '' ? undefined : this.#id,
      from: from === '' ? undefined : from,
      method: this.#method === '' ? undefined : this.#method,
      uri: publicUri(this.#uri, debugEnabled),
      status: this.status === 0 ? undefined : this.status,
      bytes: this.received,
      ms: Math.round(performance.now() - this.#begunAt),
    };
    this.#log[this.#quiet ? 'debug' : level](Object.assign(record, more), message);
  }
}
