import { connect, type Socket } from 'node:net';
import { serveCalls } from '../support/calls.ts';

/** The client of the `transfer` bench: one long body at a time over a connection of its own. */
export interface TransferLoad {
  /** Uploads so many bytes, and resolves when the handler has told that it got them all. */
  upload(options: TransferOptions): Promise<Transfer>;
  /** Downloads so many bytes. */
  download(options: TransferOptions): Promise<Transfer>;
}

export interface TransferOptions {
  readonly port: number;
  readonly bytes: number;
}

/** The cost of a transfer, from the request to the end of the response. */
export interface Transfer {
  readonly seconds: number;
}

const BLOCK = Buffer.alloc(65_536, 'x');
/** How long nothing may move before it is given up, in milliseconds. */
const STALLED_MS = 10_000;

serveCalls<TransferLoad>({
  upload: async ({ port, bytes }) => {
    const head = `POST /upload HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nContent-Length: ${bytes}\r\n\r\n`;
    const body = `${bytes}\n`;
    let answer = '';
    return transfer(port, head, bytes, (data, length) => {
      answer += Buffer.from(data).toString('latin1', 0, length);
      const end = answer.indexOf('\r\n\r\n');
      if (end < 0 || answer.length < end + 4 + body.length) return false;
      if (!answer.startsWith('HTTP/1.1 200 ') || !answer.endsWith(`\r\n\r\n${body}`)) throw new Error(answer);
      return true;
    });
  },

  download: async ({ port, bytes }) => {
    let head: string | null = '';
    let received = 0;
    return transfer(port, `GET /download/${bytes} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\n\r\n`, 0, (data, length) => {
      if (head === null) {
        received += length;
      } else {
        head += Buffer.from(data).toString('latin1', 0, length);
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return false;
        if (!head.startsWith('HTTP/1.1 200 ') || !head.includes(`\r\nContent-Length: ${bytes}\r\n`))
          throw new Error(head);
        received = head.length - end - 4;
        head = null;
      }
      if (received > bytes) throw new Error(`${received} bytes of ${bytes}`);
      return received === bytes;
    });
  },
});

/** Writes the head and so many bytes, and gives what comes back to `read` until that says that it was all. */
function transfer(
  port: number,
  head: string,
  bytes: number,
  read: (data: Uint8Array, length: number) => boolean,
): Promise<Transfer> {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    let left = bytes;
    const socket: Socket = connect({
      port,
      host: '127.0.0.1',
      onread: {
        buffer: Buffer.allocUnsafe(65_536),
        callback: (length, data) => {
          try {
            if (!read(data, length)) return true;
            resolve({ seconds: (performance.now() - start) / 1000 });
            socket.destroy();
          } catch (error) {
            reject(new Error(`a transfer failed: ${(error as Error).message.slice(0, 200)}`));
          }
          return true;
        },
      },
    });
    const write = () => {
      while (left > 0) {
        const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
        left -= block.length;
        if (!socket.write(block)) return;
      }
    };
    socket.setTimeout(STALLED_MS, () => socket.destroy(new Error('a transfer stalled')));
    socket.on('drain', write);
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('a transfer was cut off')));
    socket.write(head);
    write();
  });
}
