import type { Mongrel2Handler, Mongrel2Route, Mongrel2Server, Mongrel2Settings } from '../../../src/config/index.ts';

/** The settings of Mongrel2, as they are unless a site says otherwise. */
export const SETTINGS: Mongrel2Settings = {
  accessLogging: false,
  headBytes: 16_384,
  contentLength: 20_480,
  headerCount: 1_280,
  handlerTargets: 128,
  tickTimer: 10,
  minPing: 120,
  minReadRate: 300,
  minWriteRate: 300,
  killLimit: 2,
  tcpKeepAlive: false,
  uploadTempStore: null,
  uploadTempStoreName: '',
  uploadTempStoreMode: 0o600,
  uploadStream: false,
  downloadFlowControl: false,
  keepForwardedFor: false,
  relaxedRequests: false,
};

/** A handler on free ports of the loopback interface. */
export function handlerOf(changes: Partial<Mongrel2Handler> = {}): Mongrel2Handler {
  return {
    kind: 'handler',
    name: 'h',
    sendSpec: 'tcp://127.0.0.1:0',
    sendIdent: 'SERVER',
    recvSpec: 'tcp://127.0.0.1:0',
    recvIdent: '',
    protocol: 'json',
    rawPayload: false,
    sticky: false,
    ...changes,
  };
}

/** A site with one host that takes all requests. */
export function siteOf(
  routes: readonly Mongrel2Route[],
  settings: Partial<Mongrel2Settings> = {},
  changes: Partial<Mongrel2Server> = {},
): Mongrel2Server {
  return {
    uuid: 'test',
    name: 'test',
    root: '/',
    listen: { kind: 'tcp', host: '127.0.0.1', port: 0 },
    tls: null,
    accessLog: null,
    errorLog: null,
    pidFile: null,
    defaultHost: 'localhost',
    controlPort: null,
    hosts: [{ name: 'localhost', matching: 'localhost', routes }],
    settings: { ...SETTINGS, uploadTempStoreName: settings.uploadTempStore ?? '', ...settings },
    mimeTypes: {},
    ...changes,
  };
}
