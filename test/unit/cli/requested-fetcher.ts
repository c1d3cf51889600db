import type { TestContext } from 'node:test';
import { type PacketTrace, ZhttpRequester } from '../../../src/cli/zhttp-requester.ts';
import type { RequestPacket, ResponsePacket } from '../../../src/codec/zhttp/index.ts';
import { parseFetchEndpoints } from '../../../src/config/index.ts';
import { ZhttpFetcher } from '../../support/zhttp-fetcher.ts';
import { Arrivals } from '../../support/zmq/zmq-rig.ts';

/** A scripted responder, and a requester under test that is connected to it. */
export class RequestedFetcher {
  readonly requester: ZhttpRequester;
  /** Lines that the requester has shown. */
  readonly trace: string[] = [];
  /** What the requester sends after its first packet. */
  readonly packets = new Arrivals<RequestPacket>();
  readonly #fetcher: ZhttpFetcher;
  #request: RequestPacket | null = null;
  #sent = 0;

  private constructor(fetcher: ZhttpFetcher) {
    this.#fetcher = fetcher;
    const trace: PacketTrace = (direction, text) => this.trace.push(`${direction} ${text}`);
    this.requester = new ZhttpRequester(parseFetchEndpoints(fetcher.base), trace);
  }

  /** @param probes whether the responder answers packets for sessions that it does not know */
  static async start(t: TestContext, probes = true): Promise<RequestedFetcher> {
    const asked = new RequestedFetcher(await ZhttpFetcher.start(t));
    t.after(() => asked.requester.close());
    void asked.#read(probes);
    await asked.requester.connect();
    return asked;
  }

  /** The first packet of the session. */
  async request(): Promise<RequestPacket> {
    this.#request = await this.#fetcher.requests.next();
    return this.#request;
  }

  /** Sends the next packet of the session. */
  respond(fields: Partial<ResponsePacket>): Promise<void> {
    return this.respondAs(this.#sent++, fields);
  }

  /** Sends a packet of the session with this number. */
  respondAs(seq: number, fields: Partial<ResponsePacket>): Promise<void> {
    return this.#fetcher.respond(this.#request as RequestPacket, seq, fields);
  }

  /** Sends a frame as it is. */
  respondRaw(frame: string): Promise<void> {
    return this.#fetcher.publishRaw(this.#request?.from ?? '', frame);
  }

  async #read(probes: boolean): Promise<void> {
    for (;;) {
      const packet = await this.#fetcher.packets.next();
      const id = packet.ids[0]?.id ?? '';
      if (id !== 'probe') this.packets.add(packet);
      else if (probes) await this.#fetcher.respondAll(packet.from, [[id, 0]], { type: 'cancel' });
    }
  }
}
