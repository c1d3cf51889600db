import { get } from 'node:https';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { TestAuthority } from './certificates.ts';
import { startDnsServer } from './dns-server.ts';
import { freePorts } from './free-ports.ts';
import { requirePeer } from './peers.ts';
import { Program } from './program.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Pebble, Let's Encrypt's own server for tests, with a name server for which every name is this machine. */
export interface Pebble {
  /** URL of its directory. */
  readonly directory: string;
  /** File with the certificate that its connections are checked with. */
  readonly ca: string;
  /** Ports at which it asks for proofs. */
  readonly httpPort: number;
  readonly tlsPort: number;
  /** The certificate, PEM, that vouches for those it issues. */
  root(): Promise<string>;
}

/** What of Pebble a test changes. */
export interface PebbleOptions {
  /** Names of this machine. */
  readonly names: readonly string[];
  /** Seconds for which certificates are valid. Default: 5 years. */
  readonly validity?: number;
}

/** Starts Pebble; it ends with the test. Null where it is not installed, and that is permitted. */
export async function startPebble(
  t: TestContext,
  { names, validity = 157_766_400 }: PebbleOptions,
): Promise<Pebble | null> {
  const path = requirePeer(t, 'pebble');
  if (path === null) return null;
  const [port = 0, managementPort = 0, httpPort = 0, tlsPort = 0] = await freePorts(4);
  const dns = await startDnsServer(t);
  for (const name of names) dns.answer(name, 'A', ['127.0.0.1']);
  const authority = new TestAuthority();
  const { certificate, key } = authority.issue({ names: ['127.0.0.1'] });
  const pebble = {
    listenAddress: `127.0.0.1:${port}`,
    managementListenAddress: `127.0.0.1:${managementPort}`,
    certificate: 'cert.pem',
    privateKey: 'key.pem',
    httpPort,
    tlsPort,
    certificateValidityPeriod: validity,
  };
  const cwd = temporaryFolder(t, {
    'cert.pem': certificate,
    'key.pem': key,
    'ca.pem': authority.certificate,
    'config.json': JSON.stringify({ pebble }),
  });
  const env = { PEBBLE_VA_NOSLEEP: '1', PEBBLE_WFE_NONCEREJECT: '0' };
  const program = new Program(t, path, ['-config', 'config.json', '-dnsserver', dns.address], { cwd, env });
  await program.output(/ACME directory available/);
  const url = `https://127.0.0.1:${managementPort}/roots/0`;
  return {
    directory: `https://127.0.0.1:${port}/dir`,
    ca: join(cwd, 'ca.pem'),
    httpPort,
    tlsPort,
    root: () => text(url, authority.certificate),
  };
}

function text(url: string, ca: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { ca, agent: false }, async (response) => {
      let body = '';
      for await (const chunk of response) body += chunk;
      resolve(body);
    }).on('error', reject);
  });
}
