import type { PassedSocket } from './listening-sockets.ts';
import { boundAddress } from './server-handle.ts';

/** The first descriptor that a service manager passes. */
const FIRST = 3;

/** Descriptors that are looked at: more make no sense, and each takes a call of the system. */
const MAX = 1_024;

/** A socket of the service manager, with the name that its unit gives it. */
export interface ActivatedSocket extends PassedSocket {
  /** `FileDescriptorName=` of its socket unit; empty for none. It only names the socket in the log. */
  readonly name: string;
}

/**
 * The sockets that the service manager listens on for this process, as sd_listen_fds(3) says. Their variables are taken out of `env`: they are not for the
 * processes that this one starts.
 * @throws Error for a descriptor that is not a listening socket
 */
export function activatedSockets(env: NodeJS.ProcessEnv): readonly ActivatedSocket[] {
  const { LISTEN_PID: pid, LISTEN_FDS: count = '', LISTEN_FDNAMES: names = '' } = env;
  delete env.LISTEN_PID;
  delete env.LISTEN_FDS;
  delete env.LISTEN_FDNAMES;
  if (pid !== String(process.pid) || !/^[0-9]{1,4}$/.test(count)) return [];
  const nameOf = names.split(':');
  return Array.from({ length: Math.min(Number(count), MAX) }, (_, i) => {
    const fd = FIRST + i;
    const name = nameOf[i] ?? '';
    const address = boundAddress(fd);
    if (address === null) {
      throw new Error(
        `descriptor ${fd}${name && ` (${name})`}, which the service manager passed, is not a listening socket`,
      );
    }
    // Its file belongs to the service manager.
    return { address, fd, file: null, name };
  });
}
