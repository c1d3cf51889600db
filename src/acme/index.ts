export { type AcmeAccount, AcmeAuthority } from './acme-authority.ts';
export { AcmeStore, type IssuedCertificate, type Validity } from './acme-store.ts';
export { type Authority, type ChallengeKind, type Prover, RetryLater } from './authority.ts';
export { AcmeCounters, CertificateKeeper, type CertificateKeeperOptions } from './certificate-keeper.ts';
export { challengeService } from './challenge-service.ts';
export { tlsProofs } from './tls-proofs.ts';
