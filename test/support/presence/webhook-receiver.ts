import { createHmac } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';

const KEY = Buffer.alloc(32, 9);

/** An event as a receiver gets it. */
export interface ReceivedEvent {
  readonly event: string;
  readonly channel: string;
  readonly user?: string;
}

/** The receiver of a webhook, which checks each signature. It can be down: then nothing listens. */
export class WebhookReceiver {
  readonly secret = `whsec_${KEY.toString('base64')}`;
  /** What it has taken, in order. */
  readonly events: ReceivedEvent[] = [];
  /** Statuses of the next responses; 204 beyond. */
  readonly statuses: number[] = [];
  /** Ids of all requests. */
  readonly ids: string[] = [];
  /** Signatures that were wrong. */
  invalid = 0;
  #port = 0;
  #server: Server | null = null;
  #waits: (() => void)[] = [];

  static async start(t: TestContext): Promise<WebhookReceiver> {
    const receiver = new WebhookReceiver();
    t.after(() => receiver.down());
    await receiver.up();
    return receiver;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}/hook`;
  }

  /** The table of a configuration that sends events here. */
  table(more = ''): string {
    return `[[webhook]]\nurl = "${this.url}"\nsecret = "${this.secret}"\n${more}\n`;
  }

  async up(): Promise<void> {
    const server = createServer((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const body = Buffer.concat(chunks);
        const { 'webhook-id': id, 'webhook-timestamp': time, 'webhook-signature': signature } = request.headers;
        const expected = createHmac('sha256', KEY).update(`${id}.${time}.`).update(body).digest('base64');
        if (signature !== `v1,${expected}`) this.invalid++;
        this.ids.push(String(id));
        const status = this.statuses.shift() ?? 204;
        if (status < 300) this.events.push(...JSON.parse(String(body)).data.events);
        response.writeHead(status).end();
        for (const resolve of this.#waits.splice(0)) resolve();
      });
    });
    server.listen(this.#port, '127.0.0.1');
    await once(server, 'listening');
    this.#port = (server.address() as AddressInfo).port;
    this.#server = server;
  }

  down(): void {
    this.#server?.close();
    this.#server?.closeAllConnections();
    this.#server = null;
  }

  /** The events as `join room ann`. */
  get texts(): string[] {
    return this.events.map(({ event, channel, user }) =>
      [event, channel, ...(user === undefined ? [] : [user])].join(' '),
    );
  }

  /** Resolves when it has got an event. */
  async got(text: string): Promise<void> {
    while (!this.texts.includes(text)) await new Promise<void>((resolve) => this.#waits.push(resolve));
  }
}
