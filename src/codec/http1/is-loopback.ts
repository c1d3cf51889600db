/** Whether a connection to this host, of an address or a URL, stays on this machine. Names other than `localhost` are not looked up. */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
