import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encodeGreeting } from '../../../../src/codec/zmtp/greeting.ts';
import {
  COMMAND_FRAME,
  DEFAULT_LIMITS,
  encodeError,
  encodeMessages,
  encodeMetadata,
  MAX_COMMAND_BYTES,
  MESSAGE,
  type Mechanism,
  type MechanismStep,
  NEED_INPUT,
  NullMechanism,
  READY,
  ZmtpError,
  type ZmtpErrorKind,
  type ZmtpLimits,
  ZmtpSession,
} from '../../../../src/codec/zmtp/index.ts';
import { type Command, encodeCommand } from '../../../../src/codec/zmtp/zmtp-command.ts';

const METADATA = encodeMetadata([['Socket-Type', Buffer.from('PUSH')]]);
const GREETING = encodeGreeting('NULL', false);
const HANDSHAKE = Buffer.concat([GREETING, encodeCommand('READY', METADATA)]);

function session(limits: Partial<ZmtpLimits> = {}): ZmtpSession {
  return new ZmtpSession(new NullMechanism(METADATA, false), { ...DEFAULT_LIMITS, ...limits });
}

function established(limits: Partial<ZmtpLimits> = {}): ZmtpSession {
  const made = session(limits);
  made.push(HANDSHAKE);
  assert.equal(made.next(), READY);
  return made;
}

/** All that comes out of the session: messages and commands as text. */
function events(of: ZmtpSession): string[] {
  const found: string[] = [];
  for (;;) {
    const event = of.next();
    if (event === NEED_INPUT) return found;
    if (event === READY) found.push('ready');
    else if (event === COMMAND_FRAME) found.push(`command ${of.command.name} ${of.command.data}`);
    else if (event === MESSAGE) found.push(`message ${of.takeMessage().join('|')}`);
    else assert.fail(`event ${event}`);
  }
}

function fails(of: ZmtpSession, bytes: Buffer | string, kind: ZmtpErrorKind): void {
  of.push(typeof bytes === 'string' ? Buffer.from(bytes, 'hex') : bytes);
  assert.throws(
    () => events(of),
    (error) => error instanceof ZmtpError && error.kind === kind,
  );
}

test('the greeting is sent at once, READY after the greeting of the peer', () => {
  const made = session();
  assert.deepEqual(made.takeOutput(), [GREETING]);
  assert.deepEqual(made.takeOutput(), []);
  made.push(GREETING);
  assert.equal(made.next(), NEED_INPUT);
  assert.deepEqual(made.takeOutput(), [encodeCommand('READY', METADATA)]);
});

test('the passive side sends READY only in reply', () => {
  const made = new ZmtpSession(new NullMechanism(METADATA, true), DEFAULT_LIMITS);
  made.push(GREETING);
  assert.equal(made.next(), NEED_INPUT);
  assert.deepEqual(made.takeOutput(), [GREETING]);
  made.push(encodeCommand('READY', METADATA));
  assert.equal(made.next(), READY);
  assert.deepEqual(made.takeOutput(), [encodeCommand('READY', METADATA)]);
});

test('the handshake gives the version and properties of the peer', () => {
  const made = established();
  assert.equal(made.minor, 1);
  assert.equal(made.peer.get('socket-type')?.toString(), 'PUSH');
});

test('a conversation gives the same events wherever it is split', () => {
  const messages = [[Buffer.from('one')], [Buffer.from('a'), Buffer.alloc(0), Buffer.alloc(300, 0x62)]];
  const whole = Buffer.concat([
    HANDSHAKE,
    ...encodeMessages(messages, 0, 2),
    encodeCommand('PING', Buffer.from('xyz')),
    ...encodeMessages(messages, 0, 1),
  ]);
  const expected = ['ready', 'message one', `message a||${'b'.repeat(300)}`, 'command PING xyz', 'message one'];
  for (let split = 0; split <= whole.length; split++) {
    const made = session();
    made.push(whole.subarray(0, split));
    const found = events(made);
    made.push(whole.subarray(split));
    assert.deepEqual([...found, ...events(made)], expected, `split at ${split}`);
  }
  const made = session();
  const found: string[] = [];
  for (const byte of whole) {
    made.push(Buffer.of(byte));
    found.push(...events(made));
  }
  assert.deepEqual(found, expected);
});

test('a long length of few bytes is taken', () => {
  const made = established();
  made.push(Buffer.from('02000000000000000161', 'hex'));
  assert.deepEqual(events(made), ['message a']);
});

test('a peer with another mechanism is refused', () => {
  fails(session(), encodeGreeting('CURVE', false), 'mechanism');
});

test('a peer of an old version is refused before its greeting is complete', () => {
  fails(session(), 'ff00000000000000017f01', 'version');
});

test('reserved flags are refused', () => {
  for (const flags of ['08', '10', '20', '40', '80']) fails(established(), `${flags}0161`, 'malformed');
});

test('a command in several frames, or inside a message, is refused', () => {
  fails(established(), '050550494e4700', 'malformed');
  fails(established(), '010161' + '040104', 'malformed');
});

test('a message before the handshake is complete is refused', () => {
  fails(session(), Buffer.concat([GREETING, Buffer.from('000161', 'hex')]), 'unexpected');
});

test('another command than READY in the handshake is refused', () => {
  fails(session(), Buffer.concat([GREETING, encodeCommand('PING', Buffer.alloc(2))]), 'unexpected');
});

test('a refusing peer gives its reason', () => {
  const made = session();
  made.push(Buffer.concat([GREETING, encodeError('go away')]));
  assert.throws(() => made.next(), { kind: 'refused', message: 'the peer refused: go away' });
  const silent = session();
  silent.push(Buffer.concat([GREETING, encodeCommand('ERROR', Buffer.alloc(0))]));
  assert.throws(() => silent.next(), { message: 'the peer refused: no reason given' });
});

test('a message of exactly the limit passes, one byte more does not, in one part or several', () => {
  const made = established({ maxMessageBytes: 10 });
  made.push(Buffer.concat(encodeMessages([[Buffer.alloc(4, 0x61), Buffer.alloc(6, 0x62)]], 0, 1)));
  assert.deepEqual(events(made), ['message aaaa|bbbbbb']);
  fails(made, '000b', 'limit');
  fails(established({ maxMessageBytes: 10 }), '010461616161' + '0007', 'limit');
});

test('the bytes of a former message do not count', () => {
  const made = established({ maxMessageBytes: 3, maxParts: 1 });
  for (let i = 0; i < 3; i++) {
    made.push(Buffer.from('0003616263', 'hex'));
    assert.deepEqual(events(made), ['message abc']);
  }
});

test('a length above the safe integers is over the limit', () => {
  fails(established(), '02ffffffffffffffff', 'limit');
  fails(established(), '020020000000000001', 'limit');
});

test('a message of as many parts as the limit passes, one more does not', () => {
  const made = established({ maxParts: 2 });
  made.push(Buffer.from('01016100' + '0162', 'hex'));
  assert.deepEqual(events(made), ['message a|b']);
  fails(made, '0101610101620001', 'limit');
});

test('a command at the limit passes, a longer one does not', () => {
  const made = established();
  made.push(encodeCommand('X', Buffer.alloc(MAX_COMMAND_BYTES - 2)));
  assert.equal(made.next(), COMMAND_FRAME);
  fails(made, encodeCommand('X', Buffer.alloc(MAX_COMMAND_BYTES - 1)), 'limit');
  fails(session(), Buffer.concat([GREETING, encodeCommand('READY', Buffer.alloc(MAX_COMMAND_BYTES))]), 'limit');
});

test('a mechanism with several steps can take the place of NULL', () => {
  class TwoSteps implements Mechanism {
    readonly name = 'TWO';
    readonly asServer = true;
    start(): null {
      return null;
    }
    receive(command: Command): MechanismStep {
      if (command.name === 'HELLO') return { reply: encodeCommand('WELCOME', Buffer.alloc(0)), peer: null };
      return { reply: null, peer: new Map([['user', command.data]]) };
    }
  }
  const made = new ZmtpSession(new TwoSteps(), DEFAULT_LIMITS);
  made.push(Buffer.concat([encodeGreeting('TWO', false), encodeCommand('HELLO', Buffer.alloc(0))]));
  assert.equal(made.next(), NEED_INPUT);
  assert.deepEqual(made.takeOutput(), [encodeGreeting('TWO', true), encodeCommand('WELCOME', Buffer.alloc(0))]);
  made.push(encodeCommand('INITIATE', Buffer.from('me')));
  assert.equal(made.next(), READY);
  assert.equal(made.peer.get('user')?.toString(), 'me');
});
