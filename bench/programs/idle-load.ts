import { connect } from 'node:net';
import { serveCalls } from '../support/calls.ts';
import { openMany } from '../support/many.ts';
import { SWITCHING, upgradeRequest } from '../support/websocket.ts';

/** The clients of the `idle` bench: connections that have made one request each, or have become WebSockets, and then do nothing. */
export interface IdleLoad {
  /**
   * Opens connections and resolves when all have what they asked for: `body` as their response, the head of a stream, or a WebSocket.
   */
  open(options: {
    port: number;
    connections: number;
    body: string;
    kind: 'get' | 'stream' | 'websocket';
  }): Promise<void>;
  /** How many connections have been ended by the server. */
  closed(none: null): number;
}

let closed = 0;

serveCalls<IdleLoad>({
  open: ({ port, connections, body, kind }) =>
    openMany(connections, () =>
      kind === 'websocket'
        ? openIdle(port, upgradeRequest(port, '/'), SWITCHING, endsWithHead)
        : openIdle(
            port,
            `GET ${kind === 'get' ? '/' : '/stream'} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`,
            'HTTP/1.1 200 ',
            kind === 'stream'
              ? endsWithHead
              : // The body is framed by length or as one chunk.
                (answer) => answer.endsWith(`\r\n\r\n${body}`) || answer.endsWith(`${body}\r\n0\r\n\r\n`),
          ),
    ),
  closed: () => closed,
});

function endsWithHead(answer: string): boolean {
  return answer.endsWith('\r\n\r\n');
}

function openIdle(
  port: number,
  request: string,
  accepted: string,
  isComplete: (answer: string) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (!accepted.startsWith(answer.slice(0, accepted.length))) reject(new Error(`the response was ${answer}`));
      if (isComplete(answer)) resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      closed++;
      reject(new Error(`a connection was closed before its response was complete: ${answer}`));
    });
    socket.write(request);
  });
}
