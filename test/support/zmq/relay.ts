import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** What has passed in one direction. */
export class Passage {
  #text = '';
  #waits: { marker: string; resolve: () => void }[] = [];

  /** Resolves when these bytes, as latin1 text, have passed. */
  passed(marker: string): Promise<void> {
    if (this.#text.includes(marker)) return Promise.resolve();
    return new Promise((resolve) => this.#waits.push({ marker, resolve }));
  }

  /** Notes what goes from one socket to the other, and sends it there. */
  carry(from: Socket, to: Socket): void {
    from.on('error', () => {});
    from.on('close', () => to.destroy());
    from.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString('latin1');
      to.write(chunk);
      const waits = this.#waits;
      this.#waits = waits.filter(({ marker }) => !this.#text.includes(marker));
      for (const wait of waits) if (!this.#waits.includes(wait)) wait.resolve();
    });
  }
}

/** A TCP port that leads to a unix socket, and sees what passes. */
export class Relay {
  endpoint = '';
  /** From the unix socket's side. */
  readonly fromHere = new Passage();
  /** From those who connect. */
  readonly fromThere = new Passage();

  static async start(t: TestContext, path: string): Promise<Relay> {
    const relay = new Relay();
    const server = createServer((there) => {
      const here = connect({ path });
      t.after(() => here.destroy());
      relay.fromHere.carry(here, there);
      relay.fromThere.carry(there, here);
    });
    t.after(() => server.close());
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    relay.endpoint = `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`;
    return relay;
  }
}
