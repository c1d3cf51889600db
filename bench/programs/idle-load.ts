import { connect } from 'node:net';
import { answerCalls } from '../support/calls.ts';
import { openMany } from '../support/many.ts';

/** The clients of the `idle` bench: connections that have made one request each, and then do nothing. */
export interface IdleLoad {
  /** Opens connections, makes one GET on each, and resolves when all are answered with that body. */
  open(options: { port: number; connections: number; body: string }): Promise<void>;
  /** How many connections have been ended by the server. */
  closed(none: null): number;
}

let closed = 0;

answerCalls<IdleLoad>({
  open: ({ port, connections, body }) => openMany(connections, () => openIdle(port, body)),
  closed: () => closed,
});

function openIdle(port: number, body: string): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    let answer = '';
    socket.on('data', (data) => {
      answer += data.toString('latin1');
      if (!'HTTP/1.1 200 '.startsWith(answer.slice(0, 13))) reject(new Error(`the answer was ${answer}`));
      // The body is framed by length or as one chunk.
      if (answer.endsWith(`\r\n\r\n${body}`) || answer.endsWith(`${body}\r\n0\r\n\r\n`)) resolve();
    });
    socket.once('error', reject);
    socket.once('close', () => {
      closed++;
      reject(new Error(`a connection was closed before its answer was complete: ${answer}`));
    });
    socket.write(`GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`);
  });
}
