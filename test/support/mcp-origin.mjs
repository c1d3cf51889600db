// An MCP server that keeps no events. Its one tool reports its progress once for each line of the standard input, and ends with the line `end`.
// It writes its port, and then a line for each request.

import { randomUUID } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { StreamableHTTPServerTransport } from '@modelcontextprotocol/sdk/server/streamableHttp.js';

const lines = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
const mcp = new McpServer({ name: 'test', version: '1' });
mcp.registerTool('count', { description: 'Counts lines.' }, async ({ sendNotification, _meta }) => {
  const { progressToken } = _meta;
  for (let progress = 1; (await lines.next()).value !== 'end'; progress++) {
    await sendNotification({ method: 'notifications/progress', params: { progressToken, progress } });
  }
  return { content: [{ type: 'text', text: 'counted' }] };
});
const transport = new StreamableHTTPServerTransport({ sessionIdGenerator: randomUUID });
await mcp.connect(transport);
const server = createServer((request, response) => {
  console.log(`${request.method} ${request.headers['last-event-id'] ?? '-'}`);
  void transport.handleRequest(request, response);
});
server.listen(0, '127.0.0.1', () => console.log(server.address().port));
