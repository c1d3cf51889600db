import { withoutFields } from '../codec/fields/index.ts';
import { RequestPacket, type ResponsePacket } from '../codec/zhttp/index.ts';
import { allFields, type RequestHead } from '../exchange/index.ts';
import { HandlerSession } from './handler-session.ts';
import { decodedHead, responseHead } from './packet-head.ts';
import { requestUri } from './request-uri.ts';

/** One HTTP request, whose response comes in any number of packets. */
export class HttpSession extends HandlerSession {
  #hasHead = false;

  override get responded(): boolean {
    return this.#hasHead;
  }

  override firstPacket(request: RequestHead): string {
    const { method, peer, bodyLength } = request;
    const fields = allFields(request);
    const headers = this.host.decoding ? withoutFields(fields, (name) => name === 'accept-encoding') : fields;
    const uri = requestUri(request);
    const credits = this.firstCredits(request);
    return this.packets.encode(this.id, method, uri, headers, peer, bodyLength !== 0, credits);
  }

  override onRequestData(chunk: Buffer, more: boolean): void {
    this.activeAt = this.host.now;
    const packet = new RequestPacket();
    packet.body = chunk;
    packet.more = more;
    this.send(packet);
  }

  protected override onPacket(packet: ResponsePacket): void {
    switch (packet.type) {
      case 'data':
        this.#onData(packet);
        break;
      case 'credit':
      case 'keep-alive':
        break;
      default:
        this.abort('HF_BACKEND_PROTOCOL', `the handler sent a packet of type ${packet.type}`);
        return;
    }
    if (packet.credits > 0 && this.open) this.requester.onRequestCredit(packet.credits);
  }

  #onData(packet: ResponsePacket): void {
    const { body, more } = packet;
    if (!this.#hasHead) {
      const head = responseHead(packet, more);
      if (typeof head === 'string') {
        this.abort('HF_BACKEND_PROTOCOL', head);
        return;
      }
      if (!this.spend(body.length)) return;
      this.#hasHead = true;
      this.noteResponse();
      this.requester.onResponse(this.host.decoding ? decodedHead(head) : head);
    } else if (!this.spend(body.length)) {
      return;
    }
    if (!more) this.complete();
    if (body.length > 0 || !more) this.requester.onResponseData(body, more);
  }

  protected override onError(packet: ResponsePacket): void {
    this.fail('HF_BACKEND_ERROR', `the handler reports ${packet.condition || 'an error'}`, packet.condition);
  }
}
