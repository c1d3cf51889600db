/**
 * Milliseconds of silence after which the kernel probes whether the peer of a TCP connection is still there; the kernel's own default is two
 * hours. Setting this takes four system calls, so accepted connections do without it until they have lasted a while.
 */
export const KEEP_ALIVE_DELAY = 60_000;
