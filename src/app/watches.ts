import type { Log } from '../exchange/index.ts';
import { CertificateWatch, type WatchedCertificates } from './certificate-watch.ts';
import { DescriptorWatch } from './descriptor-watch.ts';

/** What the main process looks at from time to time, to warn before something fails. */
export class Watches {
  readonly certificates: CertificateWatch;
  readonly #descriptors: DescriptorWatch;

  constructor(certificates: WatchedCertificates, log: Log) {
    this.certificates = new CertificateWatch(certificates, log);
    this.#descriptors = new DescriptorWatch(log);
  }

  start(): void {
    this.certificates.start();
    this.#descriptors.start();
  }

  stop(): void {
    this.certificates.stop();
    this.#descriptors.stop();
  }
}
