import { accessSync, constants, statSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { dirname } from 'node:path';
import {
  type Config,
  endpointAddress,
  hasProxy,
  type ListenAddress,
  type ListenPlace,
  listenPlaces,
  streamEndpoints,
} from '../../config/index.ts';
import { systemErrorText } from '../../exchange/index.ts';
import { dialUnix } from '../../net/index.ts';
import type { FetchPlan } from '../fetch-plan.ts';
import { type Finding, Findings } from './finding.ts';
import { listeningProcess } from './listening-process.ts';

/** Whether each address of any role can be bound, those of ZeroMQ sockets too, or is that of a Holdfast that runs. */
export async function checkListeners(config: Config, plans: readonly FetchPlan[] = []): Promise<Finding[]> {
  const findings = new Findings('listen');
  const all = [...listenPlaces(config), ...endpointPlaces(config, plans)];
  const places = [...new Map(all.map((place) => [place.text, place])).values()];
  await Promise.all(
    places.map(({ address, text }) =>
      address.kind === 'unix'
        ? checkUnix(address.path, address, text, findings)
        : checkTcp(address.host, address.port, address, text, findings),
    ),
  );
  const order = places.map(({ text }) => text);
  return findings.all.sort((a, b) => order.indexOf(a.subject) - order.indexOf(b.subject));
}

/** The endpoints that the edge, the fetch role and the session state service bind. */
function endpointPlaces(
  { server, edge, publish }: Config,
  plans: readonly FetchPlan[],
): Pick<ListenPlace, 'address' | 'text'>[] {
  const endpoints: string[] = [];
  const modes = new Set(edge.listen.map(({ mode }) => mode));
  if (!edge.zclientConnect && modes.has('stream')) {
    for (const { out, outStream, in: into } of edge.zclientStream.map(streamEndpoints))
      endpoints.push(out, outStream, into);
  }
  if (!edge.zclientConnect && modes.has('req')) endpoints.push(...edge.zclientReq);
  for (const { connect, stream, req } of plans) {
    if (connect) continue;
    for (const { in: into, inStream, out } of stream) endpoints.push(into, inStream, out);
    endpoints.push(...req);
  }
  if (hasProxy(server)) endpoints.push(...publish.state);
  return endpoints.map((text) => ({ address: endpointAddress(text), text }));
}

async function checkTcp(
  host: string | null,
  port: number,
  address: ListenAddress,
  text: string,
  findings: Findings,
): Promise<void> {
  const error = await bindError(createServer(), { port, ...(host !== null && { host }) });
  switch (error?.code) {
    case undefined:
      findings.ok(text, port === 0 ? 'any free port' : 'free');
      break;
    case 'EADDRINUSE':
      reportOwner(address, text, findings);
      break;
    case 'EACCES':
      findings.fail(
        text,
        'this user may not bind it',
        'ports below 1024 need CAP_NET_BIND_SERVICE (AmbientCapabilities= of systemd), or a port of 1024 or more',
      );
      break;
    case 'EADDRNOTAVAIL':
      findings.fail(text, 'no network interface has this address', 'see "ip address", and correct the address');
      break;
    default:
      findings.fail(text, systemErrorText(error), 'correct the address');
  }
}

function bindError(server: Server, where: { port: number; host?: string }): Promise<NodeJS.ErrnoException | null> {
  return new Promise((resolve) => {
    server.once('error', resolve);
    server.listen(where, () => server.close(() => resolve(null)));
  });
}

function reportOwner(address: ListenAddress, text: string, findings: Findings): void {
  const owner = listeningProcess(address);
  const process = owner?.pid == null ? '' : ` (pid ${owner.pid})`;
  if (owner === null) {
    findings.warn(
      text,
      'in use by a program of another user',
      'if it is not Holdfast, stop it or choose another address; as root this command can tell',
    );
  } else if (/holdfast/.test(owner.command)) {
    findings.ok(text, `in use by Holdfast${process}`);
  } else {
    const name = owner.command.slice(0, 80);
    findings.fail(text, `in use by ${name}${process}`, 'stop that program, or choose another address');
  }
}

async function checkUnix(path: string, address: ListenAddress, text: string, findings: Findings): Promise<void> {
  const found = statSync(path, { throwIfNoEntry: false });
  if (found !== undefined && !found.isSocket()) {
    findings.fail(text, 'the path is taken by something that is no socket', 'remove it, or choose another path');
    return;
  }
  const folder = dirname(path);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch (error) {
    findings.fail(
      text,
      `no socket can be made in ${folder}: ${systemErrorText(error)}`,
      'create the folder, owned by the user of the server (RuntimeDirectory= of systemd)',
    );
    return;
  }
  if (found === undefined) findings.ok(text, 'free');
  else if (await answers(path)) reportOwner(address, text, findings);
  else findings.ok(text, 'left over from a program that has ended: it will be replaced');
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = dialUnix(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
