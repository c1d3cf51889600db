import type { SendMoving, Taker } from './moving-clients.ts';
import type { SocketHandle } from './upgrade-channel.ts';
import type { ClientGiverMessage, ClientTakerMessage } from './upgrade-messages.ts';
import type { MovingWorker } from './worker-giver.ts';

/** The worker processes that may take clients. */
export interface TakingWorkers {
  /** The names of those that serve. */
  readonly serving: readonly string[];
  worker(name: string): MovingWorker;
  /** Begins and ends that all of them get the items of all channels. */
  takeAll(takesAll: boolean): void;
}

/** A batch under way. */
interface Batch {
  readonly number: number;
  /** The worker that takes it; null if there is none. */
  name: string | null;
  described: boolean;
  answered: boolean;
}

/** Has worker processes take clients, each batch another one: passes on what is for its `ClientTaker`, which holds back what comes after a mark. */
export class WorkerTaker implements Taker {
  readonly holdsBack = false;
  readonly #workers: TakingWorkers;
  readonly #send: SendMoving<ClientTakerMessage>;
  #batch: Batch | null = null;
  /** Batches that have been given to workers. */
  #turns = 0;
  /** The last batch that is over. */
  #over = 0;

  constructor(workers: TakingWorkers, send: SendMoving<ClientTakerMessage>) {
    this.#workers = workers;
    this.#send = send;
    // What is for a client that has just come must not miss its worker.
    workers.takeAll(true);
  }

  onMessage(message: ClientGiverMessage, handle: SocketHandle | undefined): void {
    const batch = this.#batchOf(message.batch);
    if (message.kind === 'batch') {
      batch.described = true;
      // Sockets that were sent to it are closed with it.
      if (batch.name === null) this.#refuse(batch);
    }
    const close = (): void => handle?.close();
    if (batch.name === null) close();
    else this.#workers.worker(batch.name).order(message, handle, close);
    if (message.kind !== 'go') return;
    this.#batch = null;
    this.#over = message.batch;
  }

  onMark(mark: number): void {
    // Nobody waited for it where no worker could take the batch.
    if (mark <= this.#over) return;
    const { name } = this.#batchOf(mark);
    if (name !== null) this.#workers.worker(name).mark(mark);
  }

  /** A worker has answered. */
  onTaken(name: string, message: ClientTakerMessage): void {
    const batch = this.#batch;
    if (batch?.name !== name || batch.number !== message.batch || batch.answered) return;
    batch.answered = true;
    this.#send(message);
  }

  /** A worker has ended. What it had taken is lost with it. */
  onEnded(name: string): void {
    const batch = this.#batch;
    if (batch?.name !== name) return;
    batch.name = null;
    if (batch.described && !batch.answered) this.#refuse(batch);
  }

  onGiverGone(): void {
    const name = this.#batch?.name ?? null;
    this.#batch = null;
    if (name !== null) this.#workers.worker(name).order({ kind: 'orphaned' });
  }

  end(): void {
    this.#workers.takeAll(false);
    for (const name of this.#workers.serving) this.#workers.worker(name).order({ kind: 'end' });
  }

  #refuse(batch: Batch): void {
    batch.answered = true;
    this.#send({ kind: 'taken', batch: batch.number, refused: null });
  }

  /** The mark comes another way than the messages: it may be the first of a batch. */
  #batchOf(number: number): Batch {
    if (this.#batch?.number === number) return this.#batch;
    const { serving } = this.#workers;
    const name = serving[this.#turns++ % serving.length] ?? null;
    this.#batch = { number, name, described: false, answered: false };
    return this.#batch;
  }
}
