import { type FaultReport, reportFault } from '../../exchange/index.ts';
import type { SocketHandle as ClientHandle } from '../../server/index.ts';
import type { ProxyRole } from '../proxy-role.ts';
import type { SendMoving, Taker } from './moving-clients.ts';
import type { SocketHandle } from './upgrade-channel.ts';
import type { ClientGiverMessage, ClientTakerMessage, LastIds, MovedClient } from './upgrade-messages.ts';

/** Where clients come to. */
export interface TakenClients extends Pick<ProxyRole, 'check' | 'adopt'> {
  readonly hub: Pick<ProxyRole['hub'], 'phase' | 'noteLastIds'>;
}

/** A batch that has come. */
interface Batch {
  readonly number: number;
  readonly clients: readonly MovedClient[];
  readonly lastIds: LastIds;
  /** Those that go on here; null before that is known. */
  taken: readonly MovedClient[] | null;
}

/**
 * Takes the clients that a `ClientGiver` of another process gives. The link of the hub holds back what comes after the mark of a batch until its clients are
 * here, or stay there.
 */
export class ClientTaker implements Taker {
  readonly holdsBack = true;
  readonly #clients: TakenClients;
  readonly #report: FaultReport;
  readonly #send: SendMoving<ClientTakerMessage>;
  readonly #resume: () => void;
  /** Sockets of clients that are not here yet. */
  readonly #handles = new Map<string, ClientHandle>();
  /** The mark that was reached last: nothing that comes after it is delivered. */
  #mark = 0;
  #batch: Batch | null = null;
  #orphaned = false;

  /** @param resume has the link take what it has held back */
  constructor(clients: TakenClients, report: FaultReport, send: SendMoving<ClientTakerMessage>, resume: () => void) {
    this.#clients = clients;
    this.#report = report;
    this.#send = send;
    this.#resume = resume;
  }

  onMessage(message: ClientGiverMessage, handle: SocketHandle | undefined): void {
    switch (message.kind) {
      case 'client':
        if (handle !== undefined) this.#handles.set(message.id, handle as ClientHandle);
        break;
      case 'batch':
        this.#batch = { number: message.batch, clients: message.clients, lastIds: message.lastIds, taken: null };
        this.#check();
        break;
      case 'go':
        if (this.#batch?.number === message.batch) this.#take();
    }
  }

  onMark(mark: number): void {
    this.#mark = mark;
    this.#check();
  }

  onGiverGone(): void {
    this.#orphaned = true;
    // It cannot say any more that they are forgotten there, and does not have them any more.
    if (this.#batch?.taken != null) this.#take();
    // Otherwise the mark may still come.
    else if (this.#batch === null) this.end();
  }

  end(): void {
    this.#batch = null;
    this.#closeHandles();
    this.#resume();
  }

  /** Says which clients can go on here, once all that came before them has been delivered. */
  #check(): void {
    const batch = this.#batch;
    if (batch === null || batch.taken !== null || batch.number !== this.#mark) return;
    const refused: string[] = [];
    batch.taken = batch.clients.filter(({ id, state }) => {
      try {
        if (!this.#handles.has(id)) throw new Error('its socket has not come');
        this.#clients.check(state);
        return true;
      } catch (error) {
        this.#report.log.debug({ detail: (error as Error).message }, 'client stays in the old process');
        refused.push(id);
        return false;
      }
    });
    if (this.#orphaned) this.#take();
    else this.#send({ kind: 'taken', batch: batch.number, refused });
  }

  /** The clients no longer belong to the old process. */
  #take(): void {
    const { hub } = this.#clients;
    const { taken, lastIds } = this.#batch as Batch;
    hub.phase = 'adopting';
    for (const { id, state } of taken ?? []) {
      const handle = this.#handles.get(id) as ClientHandle;
      this.#handles.delete(id);
      try {
        this.#clients.adopt(handle, state);
      } catch (thrown) {
        reportFault(this.#report, thrown);
      }
    }
    hub.phase = 'still';
    hub.noteLastIds(lastIds);
    this.end();
  }

  /** Those that are left stay with the old process, which has the sockets too. */
  #closeHandles(): void {
    for (const handle of this.#handles.values()) handle.close();
    this.#handles.clear();
  }
}
