import type { ExchangeRecord, Peer } from '../exchange/index.ts';

/** Takes the lines of an access log. */
export interface AccessLog {
  /** @param line latin1 text that ends with a line feed */
  write(line: string): void;
}

/** The access log of a site. */
export class SiteAccessLog implements AccessLog {
  /** Bytes of requests that wait for their lines: see `AnswerLog`. */
  waiting = 0;
  readonly #log: AccessLog | null;

  /** @param log null: no lines are written */
  constructor(log: AccessLog | null) {
    this.#log = log;
  }

  /** Whether no lines are written. */
  get silent(): boolean {
    return this.#log === null;
  }

  write(line: string): void {
    this.#log?.write(line);
  }
}

/** A request, for the access log. Texts are latin1. */
export interface LoggedRequest {
  /** The name that the client asked for, without a port. */
  readonly host: string;
  readonly peer: Peer;
  /** When it came, in seconds since 1970. */
  readonly time: number;
  readonly method: string;
  readonly path: string;
  /** `HTTP/1.1`; empty for messages of sockets. */
  readonly version: string;
  /** Takes notes for others than this log. Null, or absent: there are none. */
  readonly record?: ExchangeRecord | null;
  /** When it was given to its target, by `performance.now`, where there is a record. */
  readonly givenAt?: number;
}

/** The present time, for `LoggedRequest.time`. */
export function logTime(): number {
  return Math.floor(Date.now() / 1_000);
}

/**
 * One line of the access log: a list as a tnetstring.
 * @param status of the response; 0 if there was none
 * @param bytes of its body
 */
export function accessLine(request: LoggedRequest, status: number, bytes: number): string {
  const { host, peer, time, method, path, version } = request;
  const client = `${text(host)}${text(peer.address)}${integer(peer.port)}${integer(time)}`;
  const list = `${client}${text(method)}${text(path)}${text(version)}${integer(status)}${integer(bytes)}`;
  return `${list.length}:${list}]\n`;
}

function text(value: string): string {
  return `${value.length}:${value},`;
}

function integer(value: number): string {
  const digits = String(value);
  return `${digits.length}:${digits}#`;
}
