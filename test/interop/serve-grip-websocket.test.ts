import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { type IRequestGrip, type IResponseGrip, ServeGrip } from '@fanoutio/serve-grip';
import { freePorts } from '../support/free-ports.ts';
import { startApp } from '../support/running-app.ts';
import { openWs } from '../support/websocket/ws-peers.ts';

type GripRequest = IncomingMessage & { grip: IRequestGrip };
type GripResponse = ServerResponse & { grip: IResponseGrip };

test('an application with serve-grip speaks WebSocket-over-HTTP: it echoes, subscribes, and publishes', async (t) => {
  const [controlPort = 0] = await freePorts(1);
  const grip = new ServeGrip({
    grip: { control_uri: `http://localhost:${controlPort}/`, key: 'changeme' },
    gripProxyRequired: true,
  });
  const server = createServer((request, response) => {
    grip(request as GripRequest, response as GripResponse, () => {
      const { wsContext } = (request as GripRequest).grip;
      if (wsContext === null || wsContext === undefined) {
        response.end('no WebSocket');
        return;
      }
      if (wsContext.isOpening()) {
        wsContext.accept();
        wsContext.subscribe('all');
        wsContext.send('welcome');
      }
      while (wsContext.canRecv()) {
        const message = wsContext.recv();
        if (message === null) {
          wsContext.close();
          break;
        }
        wsContext.send(`echo ${message}`);
      }
      response.end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const control = { listen: [{ kind: 'tcp', host: 'localhost', port: controlPort }] } as const;
  const app = await startApp(t, [`*,sig_key=changeme 127.0.0.1:${port},over_http`], { control });
  const client = await openWs(t, `ws://${app.address}/`);
  assert.equal(await client.next(), 'text welcome');
  client.send('hello');
  assert.equal(await client.next(), 'text echo hello');
  await app.held();
  await app.publish({ channel: 'all', formats: { 'ws-message': { content: 'news' } } });
  assert.equal(await client.next(), 'text news');
  client.socket.close(1000);
  // The library closes with the code 0, which never travels.
  assert.equal(await client.next(), 'close 1005');
});
