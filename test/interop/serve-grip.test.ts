import assert from 'node:assert/strict';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { type IRequestGrip, type IResponseGrip, ServeGrip } from '@fanoutio/serve-grip';
import { freePorts } from '../support/free-ports.ts';
import { type RunningApp, startApp } from '../support/running-app.ts';

type GripRequest = IncomingMessage & { grip: IRequestGrip };
type GripResponse = ServerResponse & { grip: IResponseGrip };

/** The application of the library's README, and the app in front of it with these properties of its route. */
async function site(t: TestContext, properties: string, key?: string): Promise<{ app: RunningApp; grip: ServeGrip }> {
  const [controlPort = 0] = await freePorts(1);
  const grip = new ServeGrip({
    grip: { control_uri: `http://localhost:${controlPort}/`, ...(key === undefined ? {} : { key }) },
    gripProxyRequired: true,
  });
  const server = createServer((request, response) => {
    grip(request as GripRequest, response as GripResponse, () => {
      if ((request as GripRequest).grip.isProxied) {
        const gripInstruct = (response as GripResponse).grip.startInstruct();
        gripInstruct.addChannel('test');
        gripInstruct.setHoldStream();
        const isEvents = request.headers.accept === 'text/event-stream';
        response.writeHead(200, { 'Content-Type': isEvents ? 'text/event-stream' : 'text/plain' });
        response.end(isEvents ? 'event: open\ndata:\n\n' : '[stream open]\n');
      }
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  const control = { listen: [{ kind: 'tcp', host: 'localhost', port: controlPort }] } as const;
  return { app: await startApp(t, [`*${properties} 127.0.0.1:${port}`], { control }), grip };
}

for (const [title, key] of [
  ['without a key of its own', undefined],
  ['with the same key', 'changeme'],
] as const) {
  test(`serve-grip ${title} holds clients whose requests are signed, and publishes to them`, async (t) => {
    const { app, grip } = await site(t, ',sig_key=changeme', key);
    const stream = await app.stream();
    await stream.until('[stream open]\n');
    await app.held();
    await grip.getPublisher().publishHttpStream('test', 'published\n');
    await stream.until('published\n');
  });
}

test('serve-grip serves Server-Sent Events, and publishes them', async (t) => {
  const { app, grip } = await site(t, ',sig_key=changeme', 'changeme');
  const stream = await app.stream({ headers: { Accept: 'text/event-stream' } });
  assert.equal(stream.header('content-type'), 'text/event-stream');
  await stream.until('event: open\ndata:\n\n');
  await app.held();
  await grip.getPublisher().publishHttpStream('test', 'event: message\nid: 1\ndata: published\n\n');
  await stream.until('id: 1\ndata: published\n\n');
});

test('serve-grip does not hold clients whose requests are not signed', async (t) => {
  const { app } = await site(t, '', 'changeme');
  assert.equal((await app.send()).status, 501);
});
