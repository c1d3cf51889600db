import { readFileSync } from 'node:fs';
import type { Config } from '../../config/index.ts';
import type { FetchPlan } from '../fetch-plan.ts';
import { openFileLimit, wantedConnections } from '../open-files.ts';
import { type Finding, Findings } from './finding.ts';

/** Descriptors that a process needs beside those for connections. */
const OWN_FILES = 100;

/** Bytes of the kernel's memory that a connection takes while it moves little. */
const TCP_BYTES = 8_192;

const PAGE = 4_096;

/** Connections that come at once in a burst. Node asks for a queue of 511. */
const QUEUE = 511;

/** Reads a file of numbers; null where there is none. */
export type ReadNumbers = (path: string) => readonly number[] | null;

/** Whether the limits of the process and of the kernel allow the connections that the configuration does. */
export function checkCapacity(
  config: Config,
  plans: readonly FetchPlan[],
  read: ReadNumbers = readNumbers,
  openFiles: number | null = openFileLimit(),
): Finding[] {
  const findings = new Findings('limit');
  const wanted = wantedConnections(config, plans);
  checkOpenFileLimit(findings, wanted, openFiles);
  const setting = (name: string): readonly number[] | null => read(`/proc/sys/${name.replaceAll('.', '/')}`);
  const least = (name: string, at: number, needed: number, why: string): void => {
    const values = setting(name);
    const value = values?.[at];
    if (values === null || value === undefined) return;
    if (value >= needed) findings.ok(name, `${values.join(' ')}: enough for ${wanted} connections`);
    else {
      const better = values.map((old, i) => (i === at ? needed : old)).join(' ');
      findings.warn(name, `${values.join(' ')}: ${why}`, `sysctl -w ${name}="${better}", and in /etc/sysctl.d/`);
    }
  };
  least('fs.file-max', 0, wanted + OWN_FILES, `fewer files in the whole system than ${wanted} connections need`);
  least('fs.nr_open', 0, wanted + OWN_FILES, `no process may open as many files as ${wanted} connections need`);
  if (wanted > QUEUE) {
    least('net.core.somaxconn', 0, QUEUE, 'a burst of new connections is cut off at this length of the queue');
  }
  const pages = Math.ceil((wanted * TCP_BYTES) / PAGE);
  least('net.ipv4.tcp_mem', 2, pages, `less memory for TCP than ${wanted} connections may need`);
  least('net.netfilter.nf_conntrack_max', 0, wanted * 2, `fewer tracked connections than twice ${wanted}`);
  checkPorts(findings, setting('net.ipv4.ip_local_port_range'), wanted);
  return findings.all;
}

function checkOpenFileLimit(findings: Findings, wanted: number, limit: number | null): void {
  if (limit === null) return;
  if (limit >= wanted + OWN_FILES) findings.ok('open files', `${limit}: enough for ${wanted} connections`);
  else {
    findings.warn(
      'open files',
      `${limit} in this shell, and the configuration allows ${wanted} connections`,
      `set LimitNOFILE=${wanted + OWN_FILES} in the unit (ulimit -n), or lower max_connections`,
    );
  }
}

/** Each connection to one address of an origin needs a port of this host. */
function checkPorts(findings: Findings, range: readonly number[] | null, wanted: number): void {
  const [first, last] = range ?? [];
  if (first === undefined || last === undefined) return;
  const ports = last - first + 1;
  const text = `${first} ${last}: ${ports} connections to one address of an origin at once`;
  if (ports >= Math.min(wanted, 28_000)) findings.ok('net.ipv4.ip_local_port_range', text);
  else {
    const advice = 'sysctl -w net.ipv4.ip_local_port_range="1024 65535", and in /etc/sysctl.d/';
    findings.warn('net.ipv4.ip_local_port_range', text, advice);
  }
}

function readNumbers(path: string): readonly number[] | null {
  try {
    return readFileSync(path, 'latin1').trim().split(/\s+/).map(Number);
  } catch {
    return null;
  }
}
