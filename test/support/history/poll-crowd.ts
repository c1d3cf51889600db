import assert from 'node:assert/strict';
import { Agent, type IncomingMessage, request } from 'node:http';

/** A response to a poll. */
interface PollResponse {
  readonly cursor: string;
  readonly gap: string | undefined;
  readonly body: string;
}

/** Clients that poll one channel as fast as they can, and know what they got. */
export class PollCrowd {
  readonly #port: number;
  readonly #path: string;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: Infinity });

  constructor(port: number, path: string) {
    this.#port = port;
    this.#path = path;
  }

  /** Has so many clients poll from here on until each has got the item `last`. Resolves with the number of polls once all have. */
  async run(clients: number, cursor: string, last: number): Promise<number> {
    try {
      const polls = await Promise.all(Array.from({ length: clients }, () => this.#poll(cursor, last)));
      return polls.reduce((sum, each) => sum + each, 0);
    } finally {
      this.#agent.destroy();
    }
  }

  /** One client, which gets the items from 0 on, each once and in order. */
  async #poll(begin: string, last: number): Promise<number> {
    let [cursor, next, polls] = [begin, 0, 0];
    while (next <= last) {
      const response = await this.#ask(cursor);
      polls++;
      assert.equal(response.gap, undefined, 'a gap');
      cursor = response.cursor;
      // A timeout has no item.
      for (const line of response.body.split('\n').slice(0, -1)) assert.equal(Number(line), next++);
    }
    return polls;
  }

  #ask(cursor: string): Promise<PollResponse> {
    const headers = { 'Last-Event-ID': cursor };
    const options = { host: '127.0.0.1', port: this.#port, path: this.#path, headers, agent: this.#agent };
    return new Promise((resolve, reject) => {
      const onResponse = (message: IncomingMessage): void => {
        let body = '';
        message.setEncoding('latin1').on('data', (chunk: string) => {
          body += chunk;
        });
        message.on('error', reject).on('end', () => {
          const { 'last-event-id': given, 'event-gap': gap } = message.headers;
          resolve({ cursor: String(given), gap: gap === undefined ? undefined : String(gap), body });
        });
      };
      request(options, onResponse).on('error', reject).end();
    });
  }
}
