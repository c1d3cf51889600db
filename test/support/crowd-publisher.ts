import { Agent, request } from 'node:http';
import type { HeldCrowd } from './held-crowd.ts';

/** Publishes the items of a crowd, one after the other, until it is stopped. */
export class CrowdPublisher {
  readonly #crowd: HeldCrowd;
  readonly #control: string;
  readonly #agent = new Agent({ keepAlive: true });
  /** What was answered other than 200. */
  readonly refused: string[] = [];
  #running = true;
  #done: Promise<void> | null = null;

  /** @param control `host:port` */
  constructor(crowd: HeldCrowd, control: string) {
    this.#crowd = crowd;
    this.#control = control;
  }

  start(): void {
    this.#done = this.#run();
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#done;
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    while (this.#running) await this.publish();
  }

  async publish(): Promise<void> {
    const outcome = await this.#post(JSON.stringify({ items: [this.#crowd.next()] }));
    if (outcome !== '200') this.refused.push(outcome);
  }

  #post(body: string): Promise<string> {
    const [host, port] = this.#control.split(':');
    return new Promise((resolve) => {
      const sent = request({ agent: this.#agent, host, port, path: '/publish', method: 'POST' }, (response) => {
        response.on('end', () => resolve(String(response.statusCode))).resume();
      });
      sent.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
      sent.end(body);
    });
  }
}
