import type { TestContext } from 'node:test';
import { Publisher, Push, Request } from 'zeromq';

/** Sockets of publishers, one for each way to publish over ZeroMQ. */
export interface PublishingSockets {
  readonly push: Push;
  readonly publisher: Publisher;
  readonly request: Request;
}

/** Connects them. @param at gives the endpoint of `pull`, `sub` and `command` */
export function publishingSockets(t: TestContext, at: (name: string) => string): PublishingSockets {
  const sockets = {
    push: new Push({ linger: 0 }),
    publisher: new Publisher({ linger: 0 }),
    request: new Request({ linger: 0 }),
  };
  const endpoints = { push: at('pull'), publisher: at('sub'), request: at('command') };
  for (const [name, socket] of Object.entries(sockets)) {
    t.after(() => socket.close());
    socket.connect(endpoints[name as keyof PublishingSockets]);
  }
  return sockets;
}
