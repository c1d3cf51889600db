import type { FaultReport } from '../../exchange/index.ts';
import type { Hub } from '../../hub/index.ts';
import { ClientGiver, type GivenClients } from './client-giver.ts';
import { ClientTaker, type TakenClients } from './client-taker.ts';
import type { ClientsHub, Giver, MovingClients, SendMoving, Taker } from './moving-clients.ts';
import type { ClientGiverMessage, ClientTakerMessage } from './upgrade-messages.ts';

/** What this process has of a proxy. */
export interface ProxyClients extends GivenClients, TakenClients {
  readonly hub: Hub;
}

/** The clients of the proxy, where this process has them all. */
export class OwnClients implements MovingClients {
  readonly spread = false;
  readonly hub: ClientsHub;
  readonly #clients: ProxyClients;
  readonly #report: FaultReport;

  constructor(clients: ProxyClients, report: FaultReport) {
    const { hub } = clients;
    this.#clients = clients;
    this.#report = report;
    this.hub = {
      linked: hub,
      checking: hub,
      publishing: hub,
      present: hub,
      release: () => hub.release(),
      goOn: (sequence) => hub.goOn(sequence),
    };
  }

  giveBy(send: SendMoving<ClientGiverMessage>): readonly Giver[] {
    return [new ClientGiver(this.#clients, send)];
  }

  takeBy(send: SendMoving<ClientTakerMessage>, resume: () => void): Taker {
    return new ClientTaker(this.#clients, this.#report, send, resume);
  }
}
