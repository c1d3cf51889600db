import type { FaultReport } from '../../exchange/index.ts';
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
  readonly #tell: SendMoving<MovingReport>;

  /** @param link by which items come, and marks */
  constructor(clients: ProxyClients, link: HubLink, report: FaultReport, tell: SendMoving<MovingReport>) {
    this.#link = link;
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
        void this.#giver.look().then((looked) => this.#tell({ kind: 'looked', ...looked }));
        break;
      case 'offer':
        void this.#offer(order.batch);
        break;
      case 'taken':
        this.#giver.onTaken(order);
        break;
      case 'keep':
        this.#giver.keep();
        break;
      case 'end':
        this.#taker.end();
        // Its channels were told before: it needs the items of others no longer.
        this.#link.tellTold();
        break;
      case 'orphaned':
        this.#taker.onGiverGone();
        break;
      default:
        this.#taker.onMessage(order, handle);
    }
  }

  async #offer(batch: number): Promise<void> {
    const count = await this.#giver.offer(batch);
    this.#tell({ kind: 'offered', batch, count });
  }
}
