import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseRouteLine } from '../../../src/config/index.ts';
import { RouteTable } from '../../../src/proxy/route-table.ts';

interface Query {
  readonly host?: string;
  readonly path?: string;
  readonly webSocket?: boolean;
  readonly tls?: boolean;
}

/** A table of these route lines; what it finds is told by the port of the route's target. */
function table(...lines: string[]): (query: Query) => number | null {
  const routes = new RouteTable(lines.map((line) => ({ route: parseRouteLine(line) })));
  return ({ host = 'example.com', path = '/', webSocket = false, tls = false }) => {
    const found = routes.find(host, path, webSocket, tls);
    return found?.route.targets[0]?.port ?? null;
  };
}

/** All orders of `items`. */
function* orders<T>(items: readonly T[]): Generator<T[]> {
  if (items.length === 0) yield [];
  for (const [index, item] of items.entries()) {
    for (const rest of orders([...items.slice(0, index), ...items.slice(index + 1)])) yield [item, ...rest];
  }
}

test('A host is found by its exact name, written in any case in the route', () => {
  const find = table('Example.COM localhost:1', 'other.example localhost:2');
  assert.equal(find({ host: 'example.com' }), 1);
  assert.equal(find({ host: 'other.example' }), 2);
  assert.equal(find({ host: 'www.example.com' }), null);
});

test('A star takes the hosts that have no route of their own, and requests without a host', () => {
  const find = table('example.com localhost:1', '* localhost:2');
  assert.equal(find({ host: 'example.com' }), 1);
  assert.equal(find({ host: 'other.example' }), 2);
  assert.equal(find({ host: '' }), 2);
});

test('A host with routes of its own never falls through to the star', () => {
  const find = table('example.com,path_beg=/api localhost:1', '* localhost:2');
  assert.equal(find({ path: '/api' }), 1);
  assert.equal(find({ path: '/' }), null);
  assert.equal(find({ host: 'other.example', path: '/' }), 2);
});

test('Nothing is found where no route names the host and there is no star', () => {
  assert.equal(table('example.com localhost:1')({ host: 'other.example' }), null);
  assert.equal(table(',id=named localhost:1')({ host: '' }), null);
});

test('A path_beg is compared byte by byte', () => {
  const find = table('*,path_beg=/api localhost:1');
  assert.equal(find({ path: '/api' }), 1);
  assert.equal(find({ path: '/api/x' }), 1);
  assert.equal(find({ path: '/apiary' }), 1);
  assert.equal(find({ path: '/API' }), null);
  assert.equal(find({ path: '/ap' }), null);
  assert.equal(find({ path: '/x/api' }), null);
});

test('Of the paths that match, the longest is taken, in whatever order the routes stand', () => {
  for (const lines of orders(['* localhost:1', '*,path_beg=/a localhost:2', '*,path_beg=/a/b localhost:3'])) {
    const find = table(...lines);
    assert.equal(find({ path: '/' }), 1);
    assert.equal(find({ path: '/a/c' }), 2);
    assert.equal(find({ path: '/a/b/c' }), 3);
  }
});

test('A route for a protocol takes only that, and goes before a longer path', () => {
  const lines = [
    '*,path_beg=/long/path localhost:1',
    '*,proto=http localhost:2',
    '*,proto=ws,path_beg=/long localhost:3',
  ];
  for (const order of orders(lines)) {
    const find = table(...order);
    assert.equal(find({ path: '/long/path' }), 2);
    assert.equal(find({ path: '/long/path', webSocket: true }), 3);
    assert.equal(find({ path: '/', webSocket: true }), null);
  }
});

test('A route that names ssl takes only that, and goes before one that does not, but after a longer path', () => {
  const lines = [
    '* localhost:1',
    '*,ssl=yes localhost:2',
    '*,path_beg=/a localhost:3',
    '*,path_beg=/b,ssl=no localhost:4',
  ];
  for (const order of orders(lines)) {
    const find = table(...order);
    assert.equal(find({ tls: true }), 2);
    assert.equal(find({ tls: false }), 1);
    assert.equal(find({ path: '/a', tls: true }), 3);
    assert.equal(find({ path: '/b', tls: false }), 4);
    assert.equal(find({ path: '/b', tls: true }), 2);
  }
});

test('A protocol goes before ssl, whichever of the two a route names', () => {
  for (const order of orders(['*,ssl=no localhost:1', '*,proto=http localhost:2'])) {
    assert.equal(table(...order)({}), 2);
  }
});

test('An id finds its route, whatever its host, and one that two routes share finds neither', () => {
  const routes = new RouteTable(
    [
      ',id=hidden localhost:1',
      '*,id=open localhost:2',
      'a.example,id=both localhost:3',
      'b.example,id=both localhost:4',
    ].map((line) => ({ route: parseRouteLine(line) })),
  );
  assert.equal(routes.byId('hidden')?.route.targets[0]?.port, 1);
  assert.equal(routes.byId('open')?.route.targets[0]?.port, 2);
  assert.equal(routes.byId('both'), null);
  assert.equal(routes.byId('none'), null);
  assert.equal(routes.byId(''), null);
});

test('Names of the prototype are hosts and ids like any other', () => {
  const routes = new RouteTable([{ route: parseRouteLine('* localhost:1') }]);
  assert.equal(routes.byId('__proto__'), null);
  assert.equal(table('* localhost:1')({ host: 'constructor' }), 1);
});

test('A wildcard takes the hosts below a name, the longest one first, and nothing falls through', () => {
  const find = table(
    '*.example.com localhost:1',
    '*.b.example.com,path_beg=/x localhost:2',
    'a.example.com,proto=ws localhost:3',
    '* localhost:4',
  );
  assert.equal(find({ host: 'www.example.com' }), 1);
  assert.equal(find({ host: 'x.y.example.com' }), 1);
  assert.equal(find({ host: 'a.b.example.com', path: '/x' }), 2);
  assert.equal(find({ host: 'a.b.example.com' }), null);
  assert.equal(find({ host: 'a.example.com' }), null);
  assert.equal(find({ host: 'a.example.com', webSocket: true }), 3);
  for (const host of ['example.com', '.example.com', 'wwwexample.com', 'com', ''])
    assert.equal(find({ host }), 4, host);
});

test('a table whose routes are added and removed one at a time finds what a new one finds', () => {
  const lines = [
    '* localhost:1',
    '*,path_beg=/a localhost:2',
    '*,path_beg=/a,proto=ws localhost:3',
    '*.example.com localhost:4',
    'example.com,ssl=yes localhost:5',
    ',id=x localhost:6',
  ].map((line) => ({ route: parseRouteLine(line) }));
  const queries = ['x', 'example.com', 'a.example.com'].flatMap((host) =>
    ['/', '/a'].flatMap((path) =>
      [true, false].flatMap((ws) => [true, false].map((tls) => [host, path, ws, tls] as const)),
    ),
  );
  const found = (routes: RouteTable<{ route: ReturnType<typeof parseRouteLine> }>) => [
    ...queries.map((query) => routes.find(...query)?.route ?? null),
    routes.byId('x')?.route ?? null,
  ];
  const changing = new RouteTable<(typeof lines)[number]>([]);
  for (let count = 0; count < lines.length; count++) {
    changing.add(lines[count] as (typeof lines)[number]);
    assert.deepEqual(found(changing), found(new RouteTable(lines.slice(0, count + 1))));
  }
  const condition = lines[1]?.route as ReturnType<typeof parseRouteLine>;
  assert.equal(changing.withCondition(condition), lines[1]);
  for (let count = 0; count < lines.length; count++) {
    changing.remove(lines[count] as (typeof lines)[number]);
    assert.deepEqual(found(changing), found(new RouteTable(lines.slice(count + 1))));
  }
  assert.equal(changing.withCondition(condition), null);
});
