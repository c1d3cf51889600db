import type { OnReadOpts } from 'node:net';
import {
  DialError,
  type Dialler,
  type Dialling,
  type DialSink,
  type DialTarget,
  dial,
} from '../../../src/net/index.ts';

/** Dials without TLS, without looking at addresses, and tells what happened by the system's code. */
export class PlainDialler implements Dialler {
  /** Where it was asked to dial to. */
  readonly targets: DialTarget[] = [];

  dial(target: DialTarget, sink: DialSink, onRead: OnReadOpts): Dialling {
    this.targets.push(target);
    const socket = dial(target.host, target.port, onRead);
    let over = false;
    socket.on('connect', () => {
      if (!over) sink.onConnected(socket);
      over = true;
    });
    socket.on('error', (error: NodeJS.ErrnoException) => {
      if (!over) sink.onDialFailed(new DialError('unreachable', `failed with ${error.code}`));
      over = true;
    });
    return {
      cancel: () => {
        over = true;
        socket.destroy();
      },
    };
  }
}
