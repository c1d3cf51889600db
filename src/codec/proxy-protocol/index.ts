export { parseProxyHeader } from './parse-proxy-header.ts';
export { type ProxyHeader, ProxyHeaderError } from './proxy-header.ts';
