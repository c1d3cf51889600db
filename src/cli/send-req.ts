import { randomBytes } from 'node:crypto';
import { TimerWheel } from '../clock/index.ts';
import {
  encodeRequestPacket,
  parseResponsePacket,
  type RequestPacket,
  type ResponsePacket,
} from '../codec/zhttp/index.ts';
import { ReqSocket, ZmqCounters } from '../zmq/index.ts';
import { CliError } from './cli-error.ts';
import { ConnectionLog } from './connection-log.ts';
import { showPacket } from './show-packet.ts';
import type { PacketTrace } from './zhttp-requester.ts';

/** Maximum milliseconds to connect to the endpoint. */
const CONNECT_TIMEOUT = 5_000;

/** Maximum bytes of a response. */
const MAX_PACKET_BYTES = 1_073_741_824;

/**
 * Sends a request to an endpoint of req mode, and returns its response.
 * @param interrupted rejects to end the waiting
 * @throws CliError if no server is connected, or if it disconnects before its response has arrived
 */
export async function sendReq(
  endpoint: string,
  packet: RequestPacket,
  trace: PacketTrace,
  interrupted: Promise<never>,
): Promise<ResponsePacket> {
  packet.ids = [{ id: randomBytes(6).toString('hex'), seq: null }];
  const parts = [encodeRequestPacket(packet)];
  trace('>', showPacket(packet));
  const wheel = new TimerWheel();
  const log = new ConnectionLog();
  let socket: ReqSocket | null = null;
  let timer: NodeJS.Timeout | undefined;
  try {
    const replied = new Promise<Buffer>((resolve, reject) => {
      let isAsked = false;
      timer = setTimeout(() => reject(new CliError(log.noServer(endpoint, 'req'))), CONNECT_TIMEOUT);
      const send = () => {
        if (isAsked) reject(new CliError(`${endpoint} disconnected before it responded`));
        else isAsked = socket?.send(parts) ?? false;
        if (isAsked) clearTimeout(timer);
      };
      const context = { wheel, counters: new ZmqCounters(), log };
      const options = { immediate: true, maxMessageBytes: MAX_PACKET_BYTES };
      socket = new ReqSocket(context, options, ([reply]) => resolve(reply as Buffer), send);
      socket.connect(endpoint);
      send();
    });
    const response = parse(await Promise.race([replied, interrupted]));
    trace('<', showPacket(response));
    return response;
  } finally {
    clearTimeout(timer);
    await (socket as ReqSocket | null)?.close();
    wheel.stop();
  }
}

function parse(frame: Buffer): ResponsePacket {
  try {
    return parseResponsePacket(frame, { maxPacketBytes: MAX_PACKET_BYTES, maxHeaders: 10_000 });
  } catch (error) {
    throw new CliError(`malformed response: ${(error as Error).message}`);
  }
}
