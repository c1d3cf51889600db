// Programs of others that tests and benches talk to: `test/peers.json` lists them, this finds and installs them.
import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync, readFileSync, statSync } from 'node:fs';
import { delimiter, isAbsolute, join } from 'node:path';

const PEERS = JSON.parse(readFileSync(new URL('../test/peers.json', import.meta.url), 'utf8'));

/** Debian keeps daemons where an ordinary user's PATH does not look. */
const SYSTEM_FOLDERS = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/** The listed peers for a use: `test` or `bench`. */
export function peersFor(use) {
  return PEERS.filter((peer) => peer.for === use);
}

/** The listed peer of that name. Throws if there is none. */
export function peerNamed(name) {
  const peer = PEERS.find((candidate) => candidate.name === name);
  if (peer === undefined) throw new Error(`test/peers.json lists no peer ${name}`);
  return peer;
}

/** What matters of the machine we run on. */
export function thisMachine() {
  const path = [...(process.env.PATH ?? '').split(delimiter).filter(isAbsolute), ...SYSTEM_FOLDERS];
  const mayInstall = process.geteuid?.() === 0 && existsSync('/etc/debian_version');
  return { path, aptGet: mayInstall ? find('apt-get', path) : null, ci: process.env.CI === 'true' };
}

/** Path of the command or file that proves that the peer is there, or null. */
export function findPeer(peer, machine) {
  for (const proof of peer.proof) {
    const path = find(proof, machine.path);
    if (path !== null) return path;
  }
  return null;
}

/** The command that installs the peers on Debian and Ubuntu. */
export function installCommand(peers) {
  return `sudo apt-get install --no-install-recommends ${peers.map((peer) => peer.apt).join(' ')}`;
}

/**
 * Installs the missing ones of the peers if the machine allows, and says in one line what it finds. Returns whether to go
 * on: a peer that is still missing is only skipped outside CI.
 */
export function ensurePeers(peers, machine) {
  const isMissing = (peer) => findPeer(peer, machine) === null;
  let missing = peers.filter(isMissing);
  if (missing.length > 0 && machine.aptGet !== null) {
    console.log(`peers: apt-get installs ${names(missing)}`);
    aptInstall(missing, machine.aptGet);
    missing = missing.filter(isMissing);
  }
  if (missing.length === 0) {
    console.log(`peers: ${names(peers)} found`);
    return true;
  }
  const meaning = machine.ci ? 'nothing may be skipped in CI' : 'what needs them is skipped';
  console.log(`peers: ${names(missing)} not found, ${meaning}; to install: ${installCommand(missing)}`);
  return !machine.ci;
}

function names(peers) {
  return peers.map((peer) => peer.name).join(', ');
}

function aptInstall(peers, aptGet) {
  const packages = peers.map((peer) => peer.apt);
  for (const args of [['update'], ['install', '--yes', '--no-install-recommends', ...packages]]) {
    const ran = spawnSync(aptGet, ['-o', 'DPkg::Lock::Timeout=120', ...args], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
      maxBuffer: 2 ** 26,
    });
    if (ran.status === 0) continue;
    console.error(`${ran.stdout ?? ''}${ran.stderr ?? ''}failed: apt-get ${args.join(' ')}`);
    return;
  }
}

/** An absolute name is that file; any other is a command in one of the folders. */
function find(name, folders) {
  if (isAbsolute(name)) return existsSync(name) ? name : null;
  return folders.map((folder) => join(folder, name)).find(isCommand) ?? null;
}

function isCommand(path) {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
