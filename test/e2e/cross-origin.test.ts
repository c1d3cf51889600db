import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import vm from 'node:vm';
import { freePorts } from '../support/free-ports.ts';
import { runServer } from '../support/holdfast.ts';
import { httpOrigin, type OriginHandler } from '../support/http-origin.ts';
import { connectTo, type RawResponse } from '../support/raw-client.ts';

type Ask = (request: string, ...fields: string[]) => Promise<RawResponse>;

/** Starts the program with one route to an origin; returns what asks it: `GET /path`, and fields. */
async function start(t: TestContext, properties: string, handler: OriginHandler, toml = '') {
  const origin = await httpOrigin(t, handler);
  const { clients, controlUrl } = await runServer(t, ['--route', `a.example${properties} ${origin.target}`], toml);
  const ask: Ask = async (request, ...fields) => {
    const client = await connectTo(t, clients[0] ?? '');
    const host = fields.some((field) => field.startsWith('Host:')) ? [] : ['Host: a.example'];
    const lines = [`${request} HTTP/1.1`, ...host, 'Connection: close', ...fields, '', ''];
    return client.request(lines.join('\r\n'), request.split(' ')[0]);
  };
  return { origin, ask, controlUrl };
}

/** The argument that a script calls `cb` with. */
function called({ status, headers, body }: RawResponse, name = 'cb'): unknown {
  assert.equal(status, 200);
  assert.equal(headers.get('content-type'), 'application/javascript');
  assert.match(body, /^\/\*\*\/[\s\S]*\);\n$/);
  let argument: unknown;
  vm.runInNewContext(Buffer.from(body, 'latin1').toString(), { [name]: (value: unknown) => (argument = value) });
  return JSON.parse(JSON.stringify(argument));
}

const PLAIN: OriginHandler = () => ({ headers: [['X-Mine', '1']], body: 'hello' });

test('the fields of CORS are added to the responses of a route with aco', async (t) => {
  const { ask } = await start(t, ',aco', PLAIN);
  const { headers, body } = await ask('GET /', 'Origin: https://page.example');
  assert.equal(body, 'hello');
  assert.equal(headers.get('access-control-allow-methods'), 'OPTIONS, HEAD, GET, POST, PUT, DELETE');
  assert.equal(headers.get('access-control-allow-headers'), undefined);
  assert.equal(headers.get('access-control-expose-headers'), 'X-Mine, Date');
  assert.equal(headers.get('access-control-allow-credentials'), 'true');
  assert.equal(headers.get('access-control-allow-origin'), 'https://page.example');
  assert.equal(headers.get('access-control-max-age'), '3600');
  assert.equal(headers.get('vary'), 'Origin');
  assert.equal((await ask('GET /')).headers.get('access-control-allow-origin'), '*');
});

test('a preflight goes to the origin, and its response gets what it asked for', async (t) => {
  const { ask, origin } = await start(t, ',aco', () => ({ status: 204 }));
  const asked = ['Access-Control-Request-Method: PATCH', 'Access-Control-Request-Headers: x-one, x-two'];
  const { status, headers } = await ask('OPTIONS /', 'Origin: https://page.example', ...asked);
  assert.equal(status, 204);
  assert.equal(origin.requests[0]?.method, 'OPTIONS');
  assert.equal(headers.get('access-control-allow-methods'), 'PATCH');
  assert.equal(headers.get('access-control-allow-headers'), 'x-one, x-two');
});

test('what the origin says of CORS stays', async (t) => {
  const own = ['Methods', 'Headers', 'Credentials', 'Origin'].map((name) => `Access-Control-Allow-${name}`);
  const all = [...own, 'Access-Control-Expose-Headers', 'Access-Control-Max-Age'];
  const { ask } = await start(t, ',aco', () => ({ headers: all.map((name) => [name, 'mine'] as const) }));
  const { headers } = await ask('GET /', 'Origin: https://page.example', 'Access-Control-Request-Headers: x');
  for (const name of all) assert.equal(headers.get(name.toLowerCase()), 'mine');
  assert.equal(headers.get('vary'), undefined);
});

test('a route without aco adds nothing, and auto_cross_origin is aco for every route and none', async (t) => {
  const plain = await start(t, '', PLAIN);
  const { headers } = await plain.ask('GET /?callback=cb', 'Origin: https://page.example');
  assert.deepEqual(
    [...headers.keys()].filter((name) => name.startsWith('access-control-')),
    [],
  );
  assert.equal(plain.origin.requests[0]?.target, '/?callback=cb');
  const { ask } = await start(t, '', PLAIN, '[proxy]\nauto_cross_origin = true\n');
  assert.equal((await ask('GET /')).headers.get('access-control-allow-origin'), '*');
  const nowhere = await ask('GET /', 'Host: b.example', 'Origin: https://page.example');
  assert.deepEqual([nowhere.status, nowhere.body], [502, 'No route for host: b.example\n']);
  assert.equal(nowhere.headers.get('access-control-allow-origin'), 'https://page.example');
  const wrapped = called(await ask('GET /?callback=cb', 'Host: b.example'));
  assert.deepEqual((wrapped as { code: number }).code, 502);
});

test('JSONP: the callback gets status, reason, header and body', async (t) => {
  const { ask, origin } = await start(t, ',aco', () => ({
    status: 404,
    reason: 'Gone Fishing',
    headers: [
      ['Cache-Control', 'no-store'],
      ['X-Two', '1'],
      ['X-Two', '2'],
    ],
    body: 'a "b"\n\u2028</script>',
  }));
  const response = await ask('GET /path?x=1&callback=cb&y=2', 'Accept-Encoding: gzip');
  assert.equal(response.headers.get('cache-control'), 'no-store');
  assert.equal(response.headers.get('access-control-allow-origin'), undefined);
  const { headers, ...rest } = called(response) as { headers: Record<string, string> };
  assert.deepEqual(rest, { code: 404, reason: 'Gone Fishing', body: 'a "b"\n\u2028</script>' });
  assert.equal(headers['X-Two'], '1');
  assert.match(response.body, /^\/\*\*\/cb\(\{"code": 404, "reason": "Gone Fishing", "headers": \{.*\}, "body": "/);
  const [request] = origin.requests;
  assert.equal(request?.target, '/path?x=1&y=2');
  assert.equal(request?.method, 'GET');
  assert.equal(request?.header('accept'), '*/*');
  assert.equal(request?.header('accept-encoding'), undefined);
});

test('JSONP: method, header and body of the request come in the query', async (t) => {
  const { ask, origin } = await start(t, ',aco', PLAIN);
  const headers = encodeURIComponent(JSON.stringify({ 'X-A': 'ü', Host: 'evil.example', 'User-Agent': 'page' }));
  await ask(`GET /p?_method=PUT&_headers=${headers}&_body=a%20%00%C3%BC+&callback=cb`, 'User-Agent: browser');
  const [request] = origin.requests;
  assert.deepEqual([request?.method, request?.target], ['PUT', '/p']);
  assert.deepEqual(request?.body, Buffer.from('a \0ü+'));
  assert.equal(request?.header('content-length'), '6');
  assert.equal(request?.header('x-a'), Buffer.from('ü').toString('latin1'));
  assert.equal(request?.header('host'), 'a.example');
  assert.deepEqual(request?.all('user-agent'), ['page']);
});

test('JSONP in basic mode: the callback gets the body, and a parameter of the route holds that of the request', async (t) => {
  const properties = ',aco,jsonp_mode=basic,jsonp_cb=c,jsonp_body=bd,jsonp_defcb=cb';
  const { ask, origin } = await start(t, properties, () => ({
    headers: { 'Cache-Control': 'max-age=5' },
    body: '{"a":[1]}',
  }));
  const response = await ask('GET /?bd=%7B%7D');
  assert.deepEqual(called(response), { a: [1] });
  assert.equal(response.body, '/**/cb({"a":[1]});\n');
  assert.equal(response.headers.get('cache-control'), 'max-age=5');
  const [first] = origin.requests;
  assert.deepEqual(
    [first?.method, first?.body.toString(), first?.header('content-type')],
    ['POST', '{}', 'application/json'],
  );
  assert.deepEqual(called(await ask('GET /?c=own&x'), 'own'), { a: [1] });
  assert.deepEqual([origin.requests[1]?.method, origin.requests[1]?.target], ['POST', '/?x']);
  const plain = await ask('GET /?x=1');
  assert.equal(plain.body, '{"a":[1]}');
});

test('jsonp_defmethod is the method of JSONP requests that name none', async (t) => {
  const { ask, origin } = await start(t, ',aco,jsonp_defmethod=PATCH', PLAIN);
  await ask('GET /?callback=cb');
  assert.equal(origin.requests[0]?.method, 'PATCH');
});

test('malformed JSONP requests get a 400 that names the parameter, and fields of CORS', async (t) => {
  const { ask, origin } = await start(t, ',aco', PLAIN);
  const wrong: [string, string][] = [
    ['callback=', 'callback'],
    ['callback=%', 'callback'],
    ['callback=%3Cscript%3E', 'callback'],
    ['callback=alert(1)', 'callback'],
    ['callback=cb&_method=', '_method'],
    ['callback=cb&_method=A%20B', '_method'],
    ['callback=cb&_method=CONNECT', '_method'],
    ['callback=cb&_method=%zz', '_method'],
    ['callback=cb&_headers=', '_headers'],
    ['callback=cb&_headers=[]', '_headers'],
    ['callback=cb&_headers=%7B%22a%22:1%7D', '_headers'],
    ['callback=cb&_headers=%7B%22a%22:%22b%5Cr%5CnX:%201%22%7D', '_headers'],
    ['callback=cb&_headers=%7B%22a%20b%22:%22c%22%7D', '_headers'],
    ['callback=cb&_headers=%E', '_headers'],
    ['callback=cb&_body=%E', '_body'],
  ];
  for (const [query, parameter] of wrong) {
    const { status, headers, body } = await ask(`GET /?${query}`, 'Origin: https://page.example');
    assert.deepEqual([status, body], [400, `Invalid ${parameter} parameter.\n`], query);
    assert.equal(headers.get('content-type'), 'text/plain');
    assert.equal(headers.get('access-control-allow-origin'), 'https://page.example');
  }
  const basic = await start(t, ',aco,jsonp_body=bd', PLAIN);
  assert.equal((await basic.ask('GET /?callback=cb&bd=%E')).body, 'Invalid body parameter.\n');
  assert.equal(origin.requests.length, 0);
});

test('errors of the proxy are wrapped, and have the fields of CORS', async (t) => {
  const [dead] = await freePorts(1);
  const { clients } = await runServer(t, ['--route', `*,aco 127.0.0.1:${dead}`]);
  const url = `http://${clients[0]}`;
  const plain = await fetch(url, { headers: { Origin: 'https://page.example' } });
  assert.deepEqual([plain.status, await plain.text()], [502, 'Error while proxying to origin.\n']);
  assert.equal(plain.headers.get('access-control-allow-origin'), 'https://page.example');
  const client = await connectTo(t, clients[0] ?? '');
  const wrapped = called(await client.request('GET /?callback=cb HTTP/1.1\r\nHost: a\r\n\r\n'));
  assert.deepEqual(wrapped, {
    code: 502,
    reason: 'Bad Gateway',
    headers: { 'Content-Type': 'text/plain' },
    body: 'Error while proxying to origin.\n',
  });
});

test('a response to JSONP that the origin compresses anyway is an error', async (t) => {
  const { ask } = await start(t, ',aco', () => ({ headers: { 'Content-Encoding': 'gzip' }, body: 'x' }));
  const { status, body } = await ask('GET /?callback=cb');
  assert.deepEqual([status, body], [500, 'Upstream response could not be JSON-P encoded.\n']);
});

test('responses and streams that were held are wrapped, and have the fields of CORS', async (t) => {
  const { ask, origin, controlUrl } = await start(t, ',aco', ({ target }) => ({
    headers: { 'Grip-Hold': target.includes('stream') ? 'stream' : 'response', 'Grip-Channel': 'a', 'X-Mine': '1' },
    body: target.includes('stream') ? '[' : '',
  }));
  const asked = [
    ask('GET /?callback=cb'),
    ask('GET /', 'Origin: https://page.example'),
    ask('GET /stream?callback=cb'),
    ask('GET /stream', 'Origin: https://page.example'),
  ];
  await origin.request(4);
  const publish = async (format: unknown) => {
    const items = [{ channel: 'a', formats: format }];
    const response = await fetch(`${controlUrl}/publish`, {
      method: 'POST',
      headers: { Prefer: 'return=representation' },
      body: JSON.stringify({ items }),
    });
    return JSON.stringify(await response.json());
  };
  // The holds begin a moment after the origin has responded.
  const formats = { 'http-response': { body: '"item"' }, 'http-stream': { content: 'ü"]' } };
  while (!(await publish({ 'http-stream': { action: 'hint' }, 'http-response': { action: 'hint' } })).includes('4'));
  await publish(formats);
  await publish({ 'http-stream': { action: 'close' } });
  const [wrapped, plain, stream, plainStream] = await Promise.all(asked);
  const { body, code } = called(wrapped as RawResponse) as { body: string; code: number };
  assert.deepEqual([code, body], [200, '"item"']);
  assert.equal(plain?.body, '"item"');
  assert.equal(plain?.headers.get('access-control-expose-headers'), 'X-Mine, Date');
  assert.equal((called(stream as RawResponse) as { body: string }).body, '[ü"]');
  assert.equal(plainStream?.body, Buffer.from('[ü"]').toString('latin1'));
  assert.equal(plainStream?.headers.get('access-control-allow-origin'), 'https://page.example');
});
