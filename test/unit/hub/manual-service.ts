import assert from 'node:assert/strict';
import type { FilterCall, FilterClient, FilterQuestion, FilterService } from '../../../src/hub/index.ts';
import { type HubRig, turn } from './support.ts';

/** A service that does not respond before the test does. */
export class ManualService implements FilterService {
  readonly questions: FilterQuestion[] = [];
  readonly clients: FilterClient[] = [];
  aborted = 0;
  #answered = 0;

  open(question: FilterQuestion, client: FilterClient): FilterCall {
    return {
      target: 'origin:80',
      uri: question.url,
      start: () => {
        this.questions.push(question);
        this.clients.push(client);
      },
      abort: () => {
        this.aborted++;
      },
    };
  }

  get last(): FilterClient {
    return this.clients.at(-1) ?? assert.fail('not asked');
  }

  pass(): void {
    this.last.onFilterResponse(204, false, Buffer.alloc(0));
  }

  drop(): void {
    this.last.onFilterResponse(200, true, Buffer.alloc(0));
  }

  /** How many have no answer yet, where all got theirs by `passNext`. */
  get waiting(): number {
    return this.clients.length - this.#answered;
  }

  /** Lets the item of the one pass that has waited longest, if there is one. */
  passNext(): void {
    if (this.waiting > 0) this.clients[this.#answered++]?.onFilterResponse(200, false, Buffer.alloc(0));
  }

  /** Lets items pass for thirty turns, each as much later as the pace of requests to one service wants it. */
  async passAll(hub: HubRig): Promise<void> {
    for (let i = 0; i < 30; i++) {
      await turn();
      this.passNext();
      hub.advance(1_000);
    }
  }
}
