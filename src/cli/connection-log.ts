import { type Log, type LogWrite, silentLog } from '../exchange/index.ts';

/** A log that only keeps why a peer was refused, such as one whose socket is of another type. */
export class ConnectionLog implements Log {
  readonly error = silentLog.error;
  readonly info = silentLog.info;
  readonly debug = silentLog.debug;
  readonly infoEnabled = false;
  readonly debugEnabled = false;
  #reason: string | null = null;

  readonly warn: LogWrite = ({ reason }, message) => {
    if (message === 'zmq peer cut off') this.#reason = String(reason).replace(/^\w+: /, '');
  };

  /** Says that no server could be reached at an endpoint for this mode, and what is there instead, if anything is. */
  noServer(endpoint: string, mode: 'req' | 'stream'): string {
    if (this.#reason !== null) return `no server of ${mode} mode at ${endpoint}: ${this.#reason}`;
    const base = mode === 'stream' ? /^(.*)-(?:in|in-stream|out)-in-stream$/.exec(endpoint)?.[1] : undefined;
    const hint = base === undefined ? '' : `; --stream takes the base of the endpoints, such as ${base}`;
    return `no server at ${endpoint}${hint}`;
  }
}
