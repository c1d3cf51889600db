import type { Giver, SendMoving } from './moving-clients.ts';
import type { SocketHandle } from './upgrade-channel.ts';
import type { ClientGiverMessage, ClientTakerMessage, Looked, MovingOrder, MovingReport } from './upgrade-messages.ts';

const NONE: Looked = { movable: 0, open: 0 };

/** What the main process needs of a worker process whose clients move. */
export interface MovingWorker {
  order(order: MovingOrder, handle?: SocketHandle, onSent?: () => void): void;
  /** Marks a place in the order of the items, for this worker alone. */
  mark(mark: number): void;
}

/** A batch under way. */
interface Batch {
  readonly number: number;
  /** Clients that were described; null before that. */
  described: number | null;
  marked: boolean;
  /** What the new process has answered. */
  answer: ClientTakerMessage | null;
}

/**
 * Gives the clients of a worker process: passes on what its `ClientGiver` says. When the worker dies this one speaks for it, so that no batch stays half
 * done: clients that were not described are lost with it, and the new process has the sockets of the others.
 */
export class WorkerGiver implements Giver {
  readonly #worker: MovingWorker;
  readonly #send: SendMoving<ClientGiverMessage>;
  #batch: Batch | null = null;
  #dead = false;
  #onLooked: (looked: Looked) => void = () => {};
  #onOffered: (count: number) => void = () => {};

  constructor(worker: MovingWorker, send: SendMoving<ClientGiverMessage>) {
    this.#worker = worker;
    this.#send = send;
  }

  async look(): Promise<Looked> {
    if (this.#dead) return NONE;
    return new Promise((resolve) => {
      this.#onLooked = resolve;
      this.#worker.order({ kind: 'look' });
    });
  }

  async offer(batch: number): Promise<number> {
    if (this.#dead) return 0;
    this.#batch = { number: batch, described: null, marked: false, answer: null };
    return new Promise((resolve) => {
      this.#onOffered = resolve;
      this.#worker.order({ kind: 'offer', batch });
    });
  }

  onMark(mark: number): void {
    const batch = this.#batch;
    if (batch?.number !== mark) return;
    batch.marked = true;
    if (this.#dead) this.#describeNone(batch);
    else this.#worker.mark(mark);
  }

  onTaken(message: ClientTakerMessage): void {
    const batch = this.#batch;
    if (batch?.number !== message.batch) return;
    batch.answer = message;
    if (this.#dead) this.#go(batch);
    else this.#worker.order(message);
  }

  keep(): void {
    this.#batch = null;
    this.#worker.order({ kind: 'keep' });
    this.#settle();
  }

  /** The worker has said something. */
  onReport(report: MovingReport, handle: SocketHandle | undefined): void {
    const batch = this.#batch;
    if (report.kind === 'looked') {
      this.#onLooked({ movable: report.movable, open: report.open });
    } else if (batch === null || this.#dead || report.batch !== batch.number) {
      handle?.close();
    } else if (report.kind === 'offered') {
      if (report.count === 0) this.#batch = null;
      this.#onOffered(report.count);
    } else if (report.kind === 'client') {
      // The worker has the socket too.
      this.#send(report, handle, () => handle?.close());
    } else if (report.kind !== 'taken') {
      if (report.kind === 'batch') batch.described = report.clients.length;
      else this.#batch = null;
      this.#send(report);
    }
  }

  /** The worker has ended. */
  onEnded(): void {
    this.#dead = true;
    const batch = this.#batch;
    if (batch !== null) {
      if (batch.answer !== null) this.#go(batch);
      else if (batch.marked && batch.described === null) this.#describeNone(batch);
    }
    this.#settle();
  }

  /** Handles may have gone to the new process: the batch takes its way. */
  #settle(): void {
    this.#onLooked(NONE);
    this.#onOffered(this.#batch === null ? 0 : 1);
  }

  #describeNone(batch: Batch): void {
    batch.described = 0;
    this.#send({ kind: 'batch', batch: batch.number, clients: [], lastIds: [] });
  }

  /** The clients that were taken have nobody here any more. */
  #go({ number, described, answer }: Batch): void {
    this.#batch = null;
    const refused = answer?.refused ?? null;
    const moved = refused === null ? 0 : (described ?? 0) - refused.length;
    this.#send({ kind: 'go', batch: number, moved });
  }
}
