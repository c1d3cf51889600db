import type { Mechanism, MechanismStep } from './mechanism.ts';
import { parseMetadata } from './metadata.ts';
import { type Command, encodeCommand, parseError } from './zmtp-command.ts';
import { ZmtpError } from './zmtp-error.ts';

/**
 * No security (RFC 23, "The NULL Security Mechanism"): each end sends READY with its properties, in any order. An end that waits
 * can still refuse the peer once it knows it: the peer has sent no messages yet, and loses none.
 */
export class NullMechanism implements Mechanism {
  readonly name = 'NULL';
  readonly asServer = false;
  readonly #ready: Buffer;
  readonly #waits: boolean;

  /**
   * @param metadata own properties, as `encodeMetadata` gives them
   * @param waits whether our READY is the reply to the peer's; two waiting ends would wait forever
   */
  constructor(metadata: Buffer, waits: boolean) {
    this.#ready = encodeCommand('READY', metadata);
    this.#waits = waits;
  }

  start(): Buffer | null {
    return this.#waits ? null : this.#ready;
  }

  receive(command: Command): MechanismStep {
    if (command.name === 'READY') {
      return { reply: this.#waits ? this.#ready : null, peer: parseMetadata(command.data) };
    }
    if (command.name === 'ERROR') {
      throw new ZmtpError('refused', `the peer refused: ${parseError(command.data) || 'no reason given'}`);
    }
    throw new ZmtpError('unexpected', `unexpected ${command.name} in the handshake`);
  }
}
