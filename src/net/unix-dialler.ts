import type { OnReadOpts, Socket } from 'node:net';
import { join } from 'node:path';
import { fault, type Guarded, guarded } from '../clock/index.ts';
import { dialUnix } from './dial.ts';
import { DialError, type Dialler, type Dialling, type DialSink, type DialTarget } from './dialler.ts';

/** Dials the unix sockets of one folder: the host of a target is the name of a file there, and its port means nothing. */
export class UnixDialler implements Dialler {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @param target its host must have no slash */
  dial({ host }: DialTarget, sink: DialSink, onRead: OnReadOpts): Dialling {
    return new UnixDial(dialUnix(join(this.#folder, host), onRead), sink);
  }
}

class UnixDial implements Dialling, Guarded {
  readonly #socket: Socket;
  readonly #sink: DialSink;
  #over = false;

  constructor(socket: Socket, sink: DialSink) {
    this.#socket = socket;
    this.#sink = sink;
    const onConnect = guarded(this, () => {
      socket.removeListener('error', onError);
      if (this.#over) return;
      this.#over = true;
      sink.onConnected(socket);
    });
    const onError = guarded(this, ({ code, message }: NodeJS.ErrnoException) => {
      if (this.#over) return;
      this.#over = true;
      sink.onDialFailed(new DialError('unreachable', code ?? message));
    });
    socket.once('connect', onConnect);
    socket.once('error', onError);
  }

  cancel(): void {
    if (this.#over) return;
    this.#over = true;
    this.#socket.destroy();
  }

  onFault(thrown: unknown): void {
    this.#socket.destroy();
    fault(this.#sink, thrown);
  }
}
