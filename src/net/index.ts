export { type ActivatedSocket, activatedSockets } from './activated-sockets.ts';
export type { ListenAddress } from './bind-address.ts';
export { ChallengeAcceptor, type TlsChallenges } from './challenge-acceptor.ts';
export { NO_DESCRIPTORS } from './descriptors.ts';
export { dial, dialUnix } from './dial.ts';
export {
  DialError,
  type DialErrorKind,
  type Dialler,
  type Dialling,
  type DialSink,
  type DialTarget,
  type TlsClientSettings,
} from './dialler.ts';
export { DnsResolver, type DnsResolverOptions } from './dns-resolver.ts';
export { AddressSet } from './guard/address-set.ts';
export { canonicalHost } from './guard/canonical-host.ts';
export { Denials } from './guard/denials.ts';
export { parseExpression } from './guard/expression.ts';
export { Guard, type GuardRules, type Verdict } from './guard/guard.ts';
export { GuardError } from './guard/guard-error.ts';
export { KEEP_ALIVE_DELAY } from './keep-alive.ts';
export { type AcceptOptions, type Listener, listen } from './listen.ts';
export { describeAddress, type FileId, listeningSockets, type PassedSocket } from './listening-sockets.ts';
export { networkOf } from './network-of.ts';
export { peerAddress, peerOf } from './peer-address.ts';
export type { ProxyProtocolSettings } from './proxy-protocol-acceptor.ts';
export type { Resolver } from './resolver.ts';
export { type ReservedSocket, reserve } from './server-handle.ts';
export { handleOf, type SocketHandle, socketOf, stopReading } from './socket-handle.ts';
export { SystemResolver } from './system-resolver.ts';
export { TcpDialler, type TcpDiallerOptions } from './tcp-dialler.ts';
export { DEFAULT_TLS_LIMITS, type TlsFailure, type TlsSettings } from './tls-acceptor.ts';
export { checkClientCertificate } from './tls-client-contexts.ts';
export { checkIdentity, type Renewal, TlsIdentities, type TlsIdentitiesOptions } from './tls-identities.ts';
export { type Authorities, TrustStore, type TrustStoreOptions } from './trust-store.ts';
export { UnixDialler } from './unix-dialler.ts';
export { isTemporarySocket } from './unix-listener.ts';
