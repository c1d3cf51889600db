// Answers each request with its own body: node echo.mjs BASE
//
// The client sends as it is granted credits, and gets the answer as it grants them: neither side is ever flooded. The body is
// read whole before the answer begins, because many clients do not read before they have sent everything.
import { Handler } from './zhttp.mjs';

/** Bytes of a body. Without a limit somebody could fill the memory. */
const MAX_BODY = 1024 * 1024;

async function echo(session) {
  const body = await session.readBody(MAX_BODY);
  if (body === null) return session.answer(413, 'Content Too Large', `At most ${MAX_BODY} bytes.\n`);
  const type = session.request.headers.find(([name]) => name.toLowerCase() === 'content-type');
  const headers = [
    ['Content-Type', type?.[1] ?? 'application/octet-stream'],
    ['Content-Length', String(body.length)],
  ];
  session.send({ code: 200, reason: 'OK', headers, more: true });
  await session.write(body);
  session.end();
}

await Handler.connect(process.argv[2], echo);
console.log('echo is ready');
