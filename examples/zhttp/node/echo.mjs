// Responds to each request with its own body: node echo.mjs BASE
//
// The client sends as it is granted credits, and gets the response as it grants them, so neither side is flooded. The body is read
// whole before the response begins, because many clients do not read before they have sent everything. A larger body than 1 MiB
// gets 413.
import { commandLine } from './command-line.mjs';
import { Handler } from './zhttp.mjs';

/** Maximum bytes of a body. Without a limit one client could fill the memory. */
const MAX_BODY = 1024 * 1024;

async function echo(session) {
  const body = await session.readBody(MAX_BODY);
  if (body === null) return session.respond(413, 'Content Too Large', `At most ${MAX_BODY} bytes.\n`);
  const type = session.request.headers.find(([name]) => name.toLowerCase() === 'content-type');
  const headers = [
    ['Content-Type', type?.[1] ?? 'application/octet-stream'],
    ['Content-Length', String(body.length)],
  ];
  session.send({ code: 200, reason: 'OK', headers, more: true });
  await session.write(body);
  session.end();
}

const [base] = commandLine('echo.mjs BASE');
await Handler.connect(base, echo);
console.log('echo is ready');
