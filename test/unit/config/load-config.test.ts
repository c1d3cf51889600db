import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError, defaultConfig, loadConfig } from '../../../src/config/index.ts';

const document = readFileSync(new URL('../../cases/config/errors.md', import.meta.url), 'utf8');
const cases = document.matchAll(/```toml\n(.*?)```\n\n```errors\n(.*?)\n```/gs);

let caseCount = 0;
for (const [, toml = '', errors = ''] of cases) {
  const heading =
    document
      .slice(0, document.indexOf(toml))
      .match(/^## (.*)$/gm)
      ?.at(-1) ?? '';
  caseCount++;
  test(`errors.md, ${heading.slice(3)}: every error gets its message, in the order of the lines (${caseCount})`, () => {
    assert.throws(
      () => loadConfig(toml, 'holdfast.toml'),
      (error) => {
        assert.ok(error instanceof ConfigError);
        assert.deepEqual(error.message.split('\n'), errors.split('\n'));
        return true;
      },
    );
  });
}

test('every pair of a file and its messages in errors.md is tried', () => {
  assert.equal(caseCount, document.match(/^```toml$/gm)?.length);
});

test('an empty file gives the documented defaults', () => {
  assert.deepEqual(loadConfig('', 'empty.toml'), {
    server: {
      listen: [{ kind: 'tcp', host: null, port: 7999 }],
      maxConnections: 50_000,
      acceptTimeout: 10,
      maxHeaderBytes: 16_384,
      maxHeaders: 128,
      maxTargetBytes: 8192,
      headerTimeout: 10,
      idleTimeout: 75,
      bodyTimeout: 60,
      writeTimeout: 60,
      requestTimeout: 0,
      pipelineBytes: 65_536,
      lenientLineEnds: false,
      compression: false,
      zhttp: [],
      zhttpBind: false,
      zhttpIpcFileMode: null,
      tlsIdentitiesDir: '.',
      tlsHandshakeTimeout: 10,
      tlsMaxHandshakes: 4096,
      trustedProxies: [],
      workers: 1,
      requestId: 'accept',
      returnRequestId: false,
      drainTimeout: 10,
      upgradeTimeout: 60,
    },
    control: {
      hosts: [],
      origins: [],
      bearerKey: '',
      bearerIss: '',
      basic: [],
      user: [],
      requestRate: 0,
      requestTimeout: 60,
      maxHeaderBytes: 10_000,
      maxBodyBytes: 1_000_000,
      maxConnections: 128,
    },
    publish: {
      pull: [],
      sub: [],
      subConnect: false,
      command: [],
      state: [],
      requestRate: 0,
      ipcFileMode: null,
      maxMessageBytes: 1_048_576,
    },
    history: { maxBytes: 268_435_456, store: 'memory', path: '' },
    cluster: {
      nats: [],
      user: '',
      password: '',
      token: '',
      credentials: '',
      ca: '',
      cert: '',
      key: '',
      prefix: 'holdfast',
      node: '',
      replicas: 1,
      onPartition: 'refuse',
    },
    channels: [],
    webhooks: [],
    stats: {
      prometheus: [],
      prometheusPrefix: '',
      pub: [],
      ipcFileMode: null,
      format: 'tnetstring',
      connectionSend: true,
      connectionTtl: 120,
      subscriptionTtl: 60,
      connectionsMaxTtl: 60,
      reportInterval: 10,
    },
    proxy: {
      debug: false,
      connectTimeout: 5,
      responseTimeout: 120,
      bodyTimeout: 1800,
      overHttpMinKeepAlive: 20,
      poolIdleTimeout: 55,
      poolMaxIdle: 256,
      fetch: [],
      maxResponseHeaderBytes: 65_536,
      resumeMaxBytes: 268_435_456,
      sigIss: 'pushpin',
      sigKey: '',
      upstreamKey: '',
      acceptXForwardedProtocol: false,
      setXForwardedProtocol: 'proto-only',
      xForwardedFor: { truncate: 0, append: true },
      xForwardedForTrusted: { truncate: null, append: true },
      autoCrossOrigin: false,
      sockjsUrl: 'http://cdn.jsdelivr.net/sockjs/0.3.4/sockjs.min.js',
      acceptPushpinRoute: false,
      via: true,
      cdnLoop: '',
      routesFile: '',
      shareAll: false,
      logFrom: false,
      logUserAgent: false,
    },
    hub: {
      connectionSubscriptionMax: 20,
      queueItems: 100,
      queueBytes: 1_048_576,
      messageWait: 5,
      idCacheTtl: 60,
      messageRate: 0,
      messageHwm: 0,
      messageBlockSize: 0,
      updateOnFirstSubscription: false,
      subscriptionLinger: 60,
      presenceGrace: 5,
    },
    edge: {
      listen: [],
      id: 'holdfast',
      zclientReq: ['ipc://client'],
      zclientStream: ['ipc://client'],
      zclientConnect: false,
      ipcFileMode: null,
      reqMaxconn: 100,
      streamMaxconn: 10_000,
      bufferSize: 8192,
      bodyBufferSize: 100_000,
      messagesMax: 100,
      reqTimeout: 30,
      streamTimeout: 1800,
      sessionTimeout: 60,
      backendTimeout: 10,
      maxHeaders: 64,
      maxMessageBytes: 0,
      routerResp: false,
      tlsIdentitiesDir: '.',
      tlsHandshakeTimeout: 10,
      tlsMaxHandshakes: 4096,
      trustedProxies: [],
      acceptTimeout: 10,
      closeTimeout: 10,
      compression: false,
      workers: 1,
      mongrel2: [],
    },
    fetch: {
      stream: [],
      req: [],
      connect: false,
      id: 'holdfast',
      ipcFileMode: null,
      inHwm: 1000,
      outHwm: 1000,
      maxOpenRequests: 2000,
      bufferSize: 200_000,
      messagesMax: 100,
      maxBodyBytes: 16_777_216,
      maxPacketBytes: 16_777_216,
      maxHeaders: 128,
      maxResponseHeaderBytes: 65_536,
      lenientLineEnds: false,
      timeout: 600,
      requestTimeout: 0,
      sessionTimeout: 60,
      connectTimeout: 10,
      responseTimeout: 0,
      closeTimeout: 10,
      poolIdleTimeout: 55,
      poolMaxIdle: 256,
      poolMaxTotal: 2048,
      connectionMaxTime: 7200,
      allowIpv6: true,
      dnsServers: [],
      defaultPolicy: 'allow',
      allow: [],
      deny: [],
      allowInternal: false,
      allowIgnorePolicies: false,
      decompress: true,
      compression: false,
    },
    acme: {
      acceptTerms: false,
      email: '',
      directory: 'https://acme-v02.api.letsencrypt.org/directory',
      ca: '',
    },
    state: { dir: '' },
    trace: { propagate: false, otlp: '', headers: [], sample: 0.1, accept: true, serviceName: 'holdfast' },
    log: { level: 'info' },
    accessLog: { to: '', format: 'json', sample: 1, anonymize: false },
    routes: [],
  });
});

test('the default configuration is that of an empty file', () => {
  assert.deepEqual(defaultConfig(), loadConfig('', ''));
});

test('each call returns its own lists', () => {
  assert.notEqual(defaultConfig().routes, defaultConfig().routes);
  assert.notEqual(defaultConfig().server.listen, defaultConfig().server.listen);
});

test('a full route is read with all its keys', () => {
  const config = loadConfig(
    `[[route]]
host = "API.Example.com"
proto = "ws"
ssl = true
path_beg = "/api/"
id = "api"
sig_iss = "me"
sig_key = "file:key.pem"
prefix = "p-"
orig_headers = true
as_host = "app.internal:81"
replace_beg = ""
debug = true
half_close = true
no_grip = true
header = { X-A = "one two", X-B = "" }
targets = ["10.0.0.1:8000", "[::1]:8001,host=[::1]:8001"]
`,
    'holdfast.toml',
  );
  assert.deepEqual(config.routes, [
    {
      host: 'api.example.com',
      proto: 'ws',
      ssl: true,
      pathBeg: '/api/',
      id: 'api',
      sigIss: 'me',
      sigKey: 'file:key.pem',
      prefix: 'p-',
      origHeaders: true,
      asHost: 'app.internal:81',
      pathRem: 0,
      replaceBeg: '',
      rewrite: null,
      session: false,
      balance: 'failover',
      check: null,
      aco: false,
      jsonpMode: 'extended',
      jsonpCb: 'callback',
      jsonpBody: '',
      jsonpDefcb: '',
      jsonpDefmethod: '',
      sockjs: '',
      sockjsAsPath: '',
      logLevel: 'debug',
      join: 'none',
      cursor: 'none',
      slow: 'catch_up',
      noLog: false,
      debug: true,
      halfClose: true,
      jwt: null,
      limit: null,
      compress: null,
      resume: null,
      noGrip: true,
      header: ['X-A', 'one two', 'X-B', ''],
      targets: [
        {
          kind: 'http',
          host: '10.0.0.1',
          port: 8000,
          hostHeader: '',
          untrusted: false,
          overHttp: false,
          oneEvent: false,
          sub: [],
          ipcFileMode: null,
          tls: null,
        },
        {
          kind: 'http',
          host: '::1',
          port: 8001,
          hostHeader: '[::1]:8001',
          untrusted: false,
          overHttp: false,
          oneEvent: false,
          sub: [],
          ipcFileMode: null,
          tls: null,
        },
      ],
    },
  ]);
});

test('the rules for X-Forwarded-For are converted for the proxy', () => {
  const { proxy } = loadConfig(
    '[proxy]\nx_forwarded_for = ["append", "truncate:0"]\nx_forwarded_for_trusted = ["truncate:100"]\n',
    '',
  );
  assert.deepEqual(proxy.xForwardedFor, { truncate: 0, append: true });
  assert.deepEqual(proxy.xForwardedForTrusted, { truncate: 100, append: false });
});

test('durations may have a fraction', () => {
  assert.equal(loadConfig('server.header_timeout = 0.1', '').server.headerTimeout, 0.1);
});

test('names of Object.prototype are unknown keys', () => {
  for (const name of ['__proto__', 'constructor', 'toString']) {
    assert.throws(() => loadConfig(`${name} = 1`, 'f'), { message: `f:1: ${name}: unknown section or key` });
    assert.throws(() => loadConfig(`log.${name} = 1`, 'f'), { message: `f:1: log.${name}: unknown key` });
    const toml = `[[route]]\nhost = "*"\ntargets = ["a:1"]\n${name} = 1`;
    assert.throws(() => loadConfig(toml, 'f'), { message: `f:4: route[0].${name}: unknown key` });
  }
});

test('deeply nested tables are refused', () => {
  const toml = `log.level = ${'['.repeat(100_000)}`;
  assert.throws(() => loadConfig(toml, 'f'), ConfigError);
});

test('rules of a policy are checked with all other values', () => {
  const toml = '[fetch]\nallow = [\n"10.0.0.0/33",\n"exa mple",\n"ok.example"]\ndeny = ["http://x/"]\ntimeout = "x"\n';
  assert.throws(
    () => loadConfig(toml, 'f'),
    (error: Error) => {
      assert.deepEqual(
        error.message.split('\n').map((line) => line.split(':').slice(0, 3).join(':')),
        ['f:3: fetch.allow[0]', 'f:4: fetch.allow[1]', 'f:6: fetch.deny[0]', 'f:7: fetch.timeout'],
      );
      assert.match(error.message, /"http:\/\/x\/" is a URL: expected a host, an address or a block/);
      return true;
    },
  );
});

test('what the caller finds wrong is reported with its lines, once the values are valid', () => {
  const check = () => [
    { path: ['route', 0, 'sig_key'], message: 'two' },
    { path: ['proxy', 'sig_key'], message: 'one' },
  ];
  const toml = '[proxy]\nsig_key = "a"\n[[route]]\nhost = "*"\ntargets = ["a:1"]\nsig_key = "b"\n';
  assert.throws(() => loadConfig(toml, 'f', check), {
    message: 'f:2: proxy.sig_key: one\nf:6: route[0].sig_key: two',
  });
  assert.throws(() => loadConfig('log.level = 1', 'f', check), /^ConfigError: f:1: log\.level: [^\n]*$/);
});

test('a syntax error does not show the line, which may hold a secret', () => {
  assert.throws(
    () => loadConfig('[proxy]\nsig_key = "hunter2', 'f'),
    (error) => error instanceof ConfigError && !error.message.includes('hunter2') && error.issues[0]?.line === 2,
  );
});

test('a file may begin with a byte order mark and have Windows line ends', () => {
  assert.throws(() => loadConfig('\uFEFF[log]\r\n\r\nlevel = 1\r\n', 'f'), {
    message: 'f:3: log.level: expected "error", "warn", "info" or "debug", got 1',
  });
});
