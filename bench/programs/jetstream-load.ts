import { createRequire } from 'node:module';
import type * as jetstreamModule from '@nats-io/jetstream';
import type { JetStreamClient } from '@nats-io/jetstream';
import type * as transportModule from '@nats-io/transport-node';
import { serveCalls } from '../support/calls.ts';

/** A publisher to a stream of JetStream with the library of NATS, and nothing else. */
export interface JetStreamLoad {
  /** Makes a stream in files, with one replica. @param options.root the folder whose `node_modules` has the library */
  open(options: { readonly root: string; readonly url: string; readonly stream: string }): Promise<void>;
  /** Publishes so many messages of as many bytes, `batch` at a time: the next ones when the stream has taken all of these. Returns the seconds. */
  publish(options: { readonly items: number; readonly bytes: number; readonly batch: number }): Promise<number>;
}

let stream: JetStreamClient | null = null;
let subject = '';

serveCalls<JetStreamLoad>({
  async open({ root, url, stream: name }) {
    // The compiled program is in a temporary folder, from which no package is found.
    const load = createRequire(`${root}/package.json`);
    const { jetstream, jetstreamManager } = load('@nats-io/jetstream') as typeof jetstreamModule;
    const { connect } = load('@nats-io/transport-node') as typeof transportModule;
    const connection = await connect({ servers: url });
    subject = `${name}.bench`;
    const manager = await jetstreamManager(connection);
    await manager.streams.add({ name, subjects: [`${name}.>`], storage: 'file', num_replicas: 1 });
    stream = jetstream(connection);
  },

  async publish({ items, bytes, batch }) {
    const data = new Uint8Array(bytes).fill(0x78);
    const start = performance.now();
    for (let item = 0; item < items; item += batch) {
      const acks = [];
      for (let i = 0; i < batch; i++) acks.push((stream as JetStreamClient).publish(subject, data));
      await Promise.all(acks);
    }
    return (performance.now() - start) / 1000;
  },
});
