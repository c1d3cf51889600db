/**
 * Milliseconds of silence after which the kernel asks whether the peer of a TCP connection is still there; its own default is two hours.
 * It takes four system calls to set this, so accepted connections do without until they last.
 */
export const KEEP_ALIVE_DELAY = 60_000;
