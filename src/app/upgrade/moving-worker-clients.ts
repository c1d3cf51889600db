import { type FaultReport, reportFault } from '../../exchange/index.ts';
import type { HubLink } from '../../hub-relay/index.ts';
import { ClientGiver } from './client-giver.ts';
import { ClientTaker } from './client-taker.ts';
import type { SendMoving } from './moving-clients.ts';
import type { ProxyClients } from './own-clients.ts';
import type { SocketHandle } from './upgrade-channel.ts';
import type { MovingOrder, MovingReport } from './upgrade-messages.ts';

/** The clients of a worker process: they come at an upgrade, and go at the next one. The main process passes on what it says and hears. */
export class MovingWorkerClients {
  readonly #giver: ClientGiver;
  readonly #taker: ClientTaker;
  readonly #link: HubLink;
  readonly #report: FaultReport;
  readonly #tell: SendMoving<MovingReport>;

  /** @param link by which items come, and marks */
  constructor(clients: ProxyClients, link: HubLink, report: FaultReport, tell: SendMoving<MovingReport>) {
    this.#link = link;
    this.#report = report;
    this.#tell = tell;
    this.#giver = new ClientGiver(clients, tell);
    this.#taker = new ClientTaker(clients, report, tell, () => link.resume());
    link.marks = this.#taker;
  }

  /** The main process wants something. */
  onOrder(order: MovingOrder, handle: SocketHandle | undefined): void {
    switch (order.kind) {
      case 'look':
        this.#link.marks = this.#giver;
        this.#answer(this.#giver.look(), (looked) => ({ kind: 'looked', ...looked }));
        break;
      case 'offer':
        this.#answer(this.#giver.offer(order.batch), (count) => ({ kind: 'offered', batch: order.batch, count }));
        break;
      case 'taken':
        this.#giver.onTaken(order);
        break;
      case 'keep':
        this.#giver.keep();
        break;
      case 'end':
        this.#taker.end();
        // Its channels were told before: it no longer needs the items of others.
        this.#link.tellTold();
        break;
      case 'orphaned':
        this.#taker.onGiverGone();
        break;
      default:
        this.#taker.onMessage(order, handle);
    }
  }

  /** Tells what has come out. If it is an exception the main process hears nothing, and gives the upgrade up in time: the clients stay. */
  #answer<T>(outcome: Promise<T>, reportOf: (value: T) => MovingReport): void {
    outcome.then((value) => this.#tell(reportOf(value))).catch((thrown: unknown) => reportFault(this.#report, thrown));
  }
}
