import { readFileSync } from 'node:fs';

/** The roles that are services of their own, with their configurations in /etc/holdfast. */
const ROLES: Readonly<Record<string, Role>> = {
  'holdfast.service': {
    description: 'Holdfast, realtime HTTP server',
    config: 'holdfast.toml',
    socket: '/run/holdfast/control.sock',
  },
  'holdfast-edge.service': {
    description: 'Holdfast, edge in front of handlers over ZeroMQ',
    config: 'edge.toml',
    socket: '/run/holdfast/edge-control.sock',
  },
  'holdfast-fetch.service': {
    description: 'Holdfast, outbound requests over ZeroMQ',
    config: 'fetch.toml',
    socket: '/run/holdfast/fetch-control.sock',
  },
};

/** What the services differ in. */
type Role = {
  readonly description: string;
  /** The name of the configuration. */
  readonly config: string;
  /** The path of its control socket. */
  readonly socket: string;
};

/** The units of systemd by file name. All services are hardened alike. */
export function systemdUnits(): Map<string, string> {
  const template = text('role.service');
  const services = Object.entries(ROLES).map(([name, values]): [string, string] => [
    name,
    filled(template, { ...values, state: name.replace('.service', '') }),
  ]);
  const sockets = ['holdfast.socket', 'holdfast-edge.socket'].map((name): [string, string] => [name, text(name)]);
  return new Map([...services, ...sockets]);
}

/** The template with the values of its `${names}`. */
export function filled(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\$\{(\w+)\}/g, (_, name: string) => {
    const value = values[name];
    if (value === undefined) throw new Error(`the template has no value for ${name}`);
    return value;
  });
}

function text(name: string): string {
  return readFileSync(new URL(`systemd/${name}`, import.meta.url), 'utf8');
}
