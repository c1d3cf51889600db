import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { serveCalls } from '../support/calls.ts';

/**
 * The least that a Node server can do, for comparison. A GET of /stream gets the head of an endless response
 * and its socket is kept; any other GET gets a small body. What is posted to the publish port is written to all kept
 * sockets as one chunk, by a loop of `socket.write` with the same Buffer. It reads no more HTTP than the bench sends.
 */
export interface BareServer {
  /** Opens both ports. The argument is the small body. */
  listen(body: string): Promise<{ port: number; publishPort: number }>;
}

const STREAM_HEAD = Buffer.from(
  'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
  'latin1',
);
const PUBLISHED = Buffer.from('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n', 'latin1');
const END_OF_HEAD = '\r\n\r\n';

const streams: Socket[] = [];

serveCalls<BareServer>({
  async listen(body) {
    const answer = Buffer.from(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`, 'latin1');
    const [port, publishPort] = await Promise.all([
      listenOn((socket) => serveClient(socket, answer)),
      listenOn(servePublisher),
    ]);
    return { port, publishPort };
  },
});

function serveClient(socket: Socket, answer: Buffer): void {
  socket.on('data', (data) => {
    if (data.toString('latin1', 0, 11) === 'GET /stream') {
      socket.write(STREAM_HEAD);
      streams.push(socket);
      socket.once('close', () => streams.splice(streams.indexOf(socket), 1));
    } else {
      socket.write(answer);
    }
  });
  // A client that resets its connection closes it; there is nothing else to do.
  socket.on('error', () => {});
}

function servePublisher(socket: Socket): void {
  let request = '';
  socket.on('data', (data) => {
    request += data.toString('latin1');
    const head = request.indexOf(END_OF_HEAD);
    if (head < 0) return;
    const content = request.slice(head + END_OF_HEAD.length);
    if (content.length < Number(/content-length: (\d+)/i.exec(request)?.[1])) return;
    request = '';
    socket.write(PUBLISHED);
    const chunk = Buffer.from(`${content.length.toString(16)}\r\n${content}\r\n`, 'latin1');
    for (const stream of streams) stream.write(chunk);
  });
  socket.on('error', () => {});
}

function listenOn(serve: (socket: Socket) => void): Promise<number> {
  const server: Server = createServer({ noDelay: true }, serve);
  return new Promise((resolve) => {
    server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, () => resolve((server.address() as AddressInfo).port));
  });
}
