// Clients of event streams, each as a program: `node event-clients.mjs KIND URL`. Each writes what it gets, one line for each event.

import { setTimeout as delay } from 'node:timers/promises';

const [kind, url] = process.argv.slice(2);

const clients = { eventsource, mcp, openai };
await clients[kind](url);

/** The package eventsource: ends when the stream has. */
async function eventsource(address) {
  const { EventSource } = await import('eventsource');
  const source = new EventSource(address);
  source.onmessage = ({ data }) => console.log(data);
  source.onerror = ({ code }) => {
    if (source.readyState === EventSource.CLOSED) console.log(`closed ${code}`);
  };
}

/** The client of MCP's SDK calls a tool that reports its progress. */
async function mcp(address) {
  const { Client } = await import('@modelcontextprotocol/sdk/client/index.js');
  const { StreamableHTTPClientTransport } = await import('@modelcontextprotocol/sdk/client/streamableHttp.js');
  const client = new Client({ name: 'test', version: '1' });
  const reconnectionOptions = {
    initialReconnectionDelay: 10,
    maxReconnectionDelay: 100,
    reconnectionDelayGrowFactor: 1,
    maxRetries: 100,
  };
  await client.connect(new StreamableHTTPClientTransport(new URL(address), { reconnectionOptions }));
  const onprogress = ({ progress }) => console.log(`progress ${progress}`);
  const result = await client.callTool({ name: 'count', arguments: {} }, undefined, { onprogress, timeout: 60_000 });
  console.log(`result ${result.content[0].text}`);
  await client.close();
}

/** A program that reads the stream of a POST as clients of OpenAI's API do, and comes back by GET. */
async function openai(address) {
  let id = '';
  for (;;) {
    try {
      const response =
        id === ''
          ? await fetch(address, { method: 'POST', body: '{"stream":true}' })
          : await fetch(address, { headers: { 'Last-Event-ID': id } });
      id ||= response.headers.get('last-event-id');
      let text = '';
      for await (const chunk of response.body.pipeThrough(new TextDecoderStream())) {
        text += chunk;
        const events = text.split('\n\n');
        text = events.pop();
        for (const event of events) {
          for (const line of event.split('\n')) {
            if (line.startsWith('id: ')) id = line.slice(4);
            else if (line === 'data: [DONE]') console.log('done');
            else if (line.startsWith('data: ')) console.log(JSON.parse(line.slice(6)).choices[0].delta.content);
          }
        }
      }
      return;
    } catch {
      await delay(10);
    }
  }
}
