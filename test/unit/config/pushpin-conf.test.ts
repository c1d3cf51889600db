import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { ConfigError, formatListenAddress, type PushpinConf, parsePushpinConf } from '../../../src/config/index.ts';

const DEBIAN = readFileSync(new URL('../../cases/pushpin/debian.conf', import.meta.url), 'utf8');

function parsed(text: string, options: { id?: number; included?: string } = {}): PushpinConf {
  const { id, included = null } = options;
  return parsePushpinConf(text, 'pushpin.conf', { ...(id !== undefined && { id }), readInclude: () => included });
}

function refuses(text: string, message: string): void {
  assert.throws(
    () => parsed(text),
    (error) => error instanceof ConfigError && error.message === message,
  );
}

test("Debian's file means the same here", () => {
  const { config, routesFile, rundir, ignored } = parsed(DEBIAN);
  assert.deepEqual(
    ignored.map(({ key }) => key),
    [],
  );
  assert.deepEqual([routesFile, rundir], ['routes', '/var/run/pushpin']);
  assert.deepEqual(config.server.listen.map(formatListenAddress), ['7999']);
  assert.deepEqual(config.control.listen?.map(formatListenAddress), ['127.0.0.1:5561']);
  assert.deepEqual(config.control.hosts, []);
  assert.deepEqual(config.stats.pub, ['ipc:///var/run/pushpin/pushpin-stats']);
  assert.equal(config.proxy.sigKey, 'changeme');
  assert.equal(config.server.maxHeaderBytes, 8192);
  const { pull, sub, command, maxMessageBytes } = config.publish;
  assert.deepEqual(
    [pull, sub, command],
    [['tcp://127.0.0.1:5560'], ['tcp://127.0.0.1:5562'], ['tcp://127.0.0.1:5563']],
  );
  assert.equal(maxMessageBytes, 16_777_216);
  const { messageRate, messageHwm, updateOnFirstSubscription, subscriptionLinger } = config.hub;
  assert.deepEqual([messageRate, messageHwm], [2_500, 25_000]);
  assert.deepEqual([updateOnFirstSubscription, subscriptionLinger], [true, 60]);
});

test('share_all is off unless the file says otherwise', () => {
  assert.equal(parsed('').config.proxy.shareAll, false);
  assert.equal(parsed('[handler]\nshare_all=true\n').config.proxy.shareAll, true);
});

test('rates are limited only where the file says so, and -1 is no limit', () => {
  const rates = (text: string) => {
    const { messageRate, messageHwm, messageBlockSize } = parsed(`[handler]\n${text}`).config.hub;
    return [messageRate, messageHwm, messageBlockSize];
  };
  assert.deepEqual(rates(''), [0, 0, 0]);
  assert.deepEqual(rates('message_rate=-1\nmessage_hwm=-1\nmessage_block_size=\n'), [0, 0, 0]);
  assert.deepEqual(rates('message_rate=100\nmessage_hwm=200\nmessage_block_size=300\n'), [100, 200, 300]);
});

test('an empty file has the defaults: the ports of Pushpin, and requests are not signed', () => {
  const { config } = parsed('');
  assert.deepEqual(config.control.listen?.map(formatListenAddress), ['127.0.0.1:5561']);
  assert.deepEqual(config.publish.pull, ['tcp://127.0.0.1:5560']);
  assert.equal(config.proxy.sigKey, '');
  assert.equal(config.proxy.via, false);
  assert.equal(config.hub.updateOnFirstSubscription, true);
});

test('port_offset and --id move the ports, placeholders are replaced', () => {
  const text = '[global]\nrundir=/r\nport_offset=100\n[handler]\ncommand_spec=ipc://{rundir}/{ipc_prefix}cmd\n';
  const moved = parsed(text).config;
  assert.deepEqual(moved.control.listen?.map(formatListenAddress), ['127.0.0.1:5661']);
  assert.deepEqual(moved.publish.pull, ['tcp://127.0.0.1:5660']);
  assert.deepEqual(moved.publish.command, ['ipc:///r/pushpin-cmd']);
  const second = parsed(text, { id: 2 }).config;
  assert.deepEqual(second.publish.pull, ['tcp://127.0.0.1:5580']);
  assert.deepEqual(second.publish.command, ['ipc:///r/p2-cmd']);
});

test('the container image binds every interface, and then publishers may use any name', () => {
  const { config } = parsed(
    '[handler]\npush_in_http_addr=0.0.0.0\npush_in_spec=tcp://*:5560\npush_in_sub_spec=tcp://*:5562\n',
  );
  assert.deepEqual(config.control.listen?.map(formatListenAddress), ['0.0.0.0:5561']);
  assert.deepEqual(config.control.hosts, ['*']);
  assert.deepEqual(config.publish.sub, ['tcp://*:5562']);
});

test('keys of the included file count where the file has none; its endpoints between services need no words', () => {
  const included = '[proxy]\nhandler_inspect_spec=ipc://x\ndebug=true\n[handler]\npush_in_http_port=1\n';
  const { config, ignored } = parsed('[handler]\npush_in_http_port=2\n', { included });
  assert.equal(config.proxy.debug, true);
  assert.deepEqual(config.control.listen?.map(formatListenAddress), ['127.0.0.1:2']);
  assert.deepEqual(ignored, []);
});

test('placeholders count in the paths of unix sockets', () => {
  const text = '[global]\nrundir=/r\nipc_prefix=x-\n[runner]\nlocal_ports={rundir}/{ipc_prefix}server?mode=600\n';
  assert.deepEqual(parsed(text).config.server.listen.map(formatListenAddress), ['unix:/r/x-server?mode=600']);
});

test('ipc_file_mode is that of the socket files of publishers and of the stats', () => {
  const { publish, stats } = parsed('[handler]\nipc_file_mode=770\n').config;
  assert.deepEqual([publish.ipcFileMode, stats.ipcFileMode], [0o770, 0o770]);
});

test('an address for clients that is wrong is named by its own key and line', () => {
  const reason = '"80000" is not a port: expected a whole number from 0 to 65535';
  refuses('[runner]\nhttp_port=1\nhttps_ports=80000\n', `pushpin.conf:3: runner/https_ports: ${reason}`);
  refuses('[runner]\nhttp_port=1,80000\nhttps_ports=2\n', `pushpin.conf:2: runner/http_port: ${reason}`);
});

test('connmgr alone passes responses as they come, compressed or not', () => {
  const { config } = parsed('[runner]\nservices=connmgr\n');
  assert.equal(config.fetch.decompress, false);
});

test('a key without effect is named with the reason', () => {
  const { config, ignored } = parsed(
    '[runner]\nallow_compression=true\n[proxy]\nprometheus_port=1\nrutesfile=x\nworkers=4\n[other]\nsig_key=x\n',
  );
  assert.deepEqual(
    ignored.map(({ key, line, message }) => [key, line, message]),
    [
      ['proxy/prometheus_port', 4, 'the metrics of the proxy are at /metrics of the control port'],
      ['proxy/rutesfile', 5, 'unknown key; did you mean "routesfile"?'],
      ['other/sig_key', 8, 'unknown key; it belongs to [proxy]'],
    ],
  );
  assert.deepEqual([config.server.workers, config.server.compression], [4, true]);
});

test('a wrong value is an error with the key and its line', () => {
  refuses(
    '[handler]\npush_in_http_port=x\n',
    'pushpin.conf:2: handler/push_in_http_port: expected a whole number from -1, got "x"',
  );
  refuses('[proxy]\ndebug=maybe\n', 'pushpin.conf:2: proxy/debug: expected true or false, got "maybe"');
  refuses(
    '[runner]\nservices=connmgr,proxy\n',
    'pushpin.conf:2: runner/services: proxy and handler are one here: start both, or none of them',
  );
});
