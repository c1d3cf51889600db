import { type HubRelay, RelayedHub } from '../../hub-relay/index.ts';
import type { ClientsHub, Giver, MovingClients, SendMoving, Taker } from './moving-clients.ts';
import type { SocketHandle } from './upgrade-channel.ts';
import type { ClientGiverMessage, ClientTakerMessage, MovingOrder, MovingReport } from './upgrade-messages.ts';
import { type MovingWorker, WorkerGiver } from './worker-giver.ts';
import { WorkerTaker } from './worker-taker.ts';

/** The processes that have the clients. Each has a name, which the relay knows it by too. */
export interface ClientProcesses {
  readonly relay: HubRelay;
  /** The names of those that serve. */
  readonly serving: readonly string[];
  /** Gives one an order. @param onSent is called when that has left, or cannot leave */
  move(name: string, order: MovingOrder, handle?: SocketHandle, onSent?: () => void): void;
  /** Hears what they answer, and of their end. */
  mover: {
    onReport(name: string, report: MovingReport, handle: SocketHandle | undefined): void;
    onEnded(name: string): void;
  };
}

/** The clients of the proxy, where worker processes have them. */
export class WorkerClients implements MovingClients {
  readonly spread = true;
  readonly hub: ClientsHub;
  readonly #processes: ClientProcesses;
  #givers: ReadonlyMap<string, WorkerGiver> = new Map();
  #taker: WorkerTaker | null = null;

  constructor(processes: ClientProcesses) {
    const { relay } = processes;
    this.#processes = processes;
    this.hub = {
      linked: new RelayedHub(relay),
      checking: new RelayedHub(relay, true),
      publishing: relay,
      present: relay.router,
      release: () => relay.router.release(),
      goOn: (sequence) => relay.router.goOn(sequence),
    };
    processes.mover = this;
  }

  giveBy(send: SendMoving<ClientGiverMessage>): readonly Giver[] {
    const { serving } = this.#processes;
    this.#givers = new Map(serving.map((name) => [name, new WorkerGiver(this.#worker(name), send)]));
    return [...this.#givers.values()];
  }

  takeBy(send: SendMoving<ClientTakerMessage>): Taker {
    const processes = this.#processes;
    this.#taker = new WorkerTaker(
      {
        get serving() {
          return processes.serving;
        },
        worker: (name) => this.#worker(name),
        takeAll: (takesAll) => {
          processes.relay.takesAll = takesAll;
        },
      },
      send,
    );
    return this.#taker;
  }

  #worker(name: string): MovingWorker {
    const { relay } = this.#processes;
    return {
      order: (order, handle, onSent) => this.#processes.move(name, order, handle, onSent),
      mark: (mark) => relay.mark(mark, name),
    };
  }

  onReport(name: string, report: MovingReport, handle: SocketHandle | undefined): void {
    const giver = this.#givers.get(name);
    if (report.kind === 'taken') this.#taker?.onTaken(name, report);
    else if (giver !== undefined) giver.onReport(report, handle);
    else handle?.close();
  }

  onEnded(name: string): void {
    this.#taker?.onEnded(name);
    this.#givers.get(name)?.onEnded();
  }
}
