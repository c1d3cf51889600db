import WebSocket from 'ws';
import { ModelClient } from '../history/model-client.ts';

/** What a message in an envelope says. */
interface Envelope {
  readonly type?: string;
  readonly channel?: string;
  readonly channels?: readonly string[];
  readonly cursor?: string;
  readonly text?: string;
}

/** A WebSocket of the model, whose origin subscribes it from its last cursor on. */
export class ModelSocket extends ModelClient {
  protected readonly mostBytes = 20_000;

  protected get target(): string {
    return `/?c=${this.wanted}${this.cursor === null ? '' : `&since=${this.cursor}`}`;
  }

  protected onHead(): void {}

  protected onEnd(): void {}

  protected onText(text: string): void {
    const { type, channels = [], cursor = null, text: item = '' } = JSON.parse(text) as Envelope;
    if (type === 'gap') this.gotGap(channels);
    // While it reads what it has missed of one of its channels, no cursor is beyond where it is in the others.
    if (type === undefined) this.gotItemBefore(item, cursor);
    else if (cursor !== null) this.gotCursor(cursor);
  }

  protected override connect(cut: number): Promise<void> {
    const socket = new WebSocket(`ws://127.0.0.1:${this.around.server.port}${this.target}`);
    let left = cut;
    return new Promise((resolve) => {
      socket.on('error', () => {});
      socket.on('close', () => resolve());
      socket.on('message', (data: Buffer) => {
        // After that it has left, and gets nothing.
        if (left <= 0) return;
        this.onText(data.toString());
        left -= data.length;
        if (left <= 0 || this.isDone) socket.terminate();
      });
      if (cut < 10) socket.on('open', () => socket.terminate());
    });
  }
}
