import type { Guarded } from '../clock/index.ts';
import type { Format, Step } from './step.ts';
import { patternOf } from './subscription-key.ts';

/** Receives what is published to channels. */
export interface Receiver extends Guarded {
  /** Which of the published formats it takes. */
  readonly format: Format;
  /** Id of the route that its request came by, whose rate its deliveries count towards; empty for those without one. */
  readonly route: string;
  /** The walk in which it was last given a step, of those walks over several groups in which it may be found twice. */
  stamp?: number;
  /**
   * Takes a step of its format. May join and leave channels.
   * @param now wheel time in whole milliseconds
   * @returns the work that this was: 1 for a write of a few kilobytes
   */
  receive(step: Step, now: number): number;
  /**
   * Whether it takes a step better a turn or two later: it has just been given so much that its credit does not cover the step, and no turn has
   * ended in which it could grant more. Absent: never.
   */
  awaitsCredit?(step: Step): boolean;
  /** An item of a channel was dropped, and it cannot look for it. Absent: it does not need to know. */
  onLost?(channel: string): void;
  /**
   * Items of a channel after the one with this number may have been lost on their way here. They are kept: it reads them, or is told that it cannot. Absent: it does
   * not need to know.
   */
  onBroken?(channel: string, from: number): void;
  /** Items were dropped, and it may look for them. Absent: it cannot. */
  onMissed?(): void;
  /** Whether it is subscribed to the channel with this name, or to a pattern that matches it. Absent: not known. */
  isMember?(name: string): boolean;
}

/** A receiver's place in one channel. */
export class Membership {
  /** Another stands in for it while its client moves to another process. */
  receiver: Receiver;
  readonly group: Group;
  /** Index in the group's list, -1 once it has ended. */
  position: number;

  constructor(receiver: Receiver, group: Group, position: number) {
    this.receiver = receiver;
    this.group = group;
    this.position = position;
  }

  get channel(): Channel {
    return this.group.channel;
  }
}

/**
 * The members of a channel that get the same bytes, in a plain array: a fan-out is a loop over it. Today these are the members that
 * take the same format.
 */
export class Group {
  readonly channel: Channel;
  readonly format: Format;
  /** While a walk is on, it may hold memberships that have ended; their position is -1. */
  readonly members: Membership[] = [];
  #walking = false;
  #gaps = 0;

  constructor(channel: Channel, format: Format) {
    this.channel = channel;
    this.format = format;
  }

  get size(): number {
    return this.members.length - this.#gaps;
  }

  add(receiver: Receiver): Membership {
    const membership = new Membership(receiver, this, this.members.length);
    this.members.push(membership);
    return membership;
  }

  remove(membership: Membership): void {
    const { position } = membership;
    membership.position = -1;
    if (this.#walking) {
      // Nothing moves under a walk: it would miss a member, or visit one twice.
      this.#gaps++;
      return;
    }
    const last = this.members.pop() as Membership;
    if (last !== membership) {
      this.members[position] = last;
      last.position = position;
    }
  }

  /**
   * Begins a walk, which may take several turns of the event loop. No member moves until `endWalk`. One walk at a time.
   * @returns where it ends: members that join later are not visited
   */
  beginWalk(): number {
    this.#walking = true;
    return this.members.length;
  }

  endWalk(): void {
    this.#walking = false;
    if (this.#gaps === 0) return;
    let kept = 0;
    for (const member of this.members) {
      if (member.position < 0) continue;
      member.position = kept;
      this.members[kept++] = member;
    }
    this.members.length = kept;
    this.#gaps = 0;
  }
}

/**
 * One channel: its members, and what is known of it even while it has none. A pattern is a channel too: its members get what is published to the
 * channels that it matches, and its last id is never known.
 */
export class Channel {
  /** Its name; for a pattern its `patternKey`. */
  readonly key: string;
  /** Its name, or the pattern. */
  readonly name: string;
  /** Few: one for each format. */
  readonly groups: Group[] = [];
  /** Id of the last item that was published while the channel had members; null if that is not known. */
  lastId: string | null = null;
  /** Whether it is remembered without a last id too, while it has no member. */
  lingers = false;
  /** Wheel time since which it has no member, in milliseconds. */
  idleSince = 0;

  /** @param key name of the channel, or key of the pattern */
  constructor(key: string) {
    this.key = key;
    this.name = patternOf(key) ?? key;
  }

  get isPattern(): boolean {
    return this.key !== this.name;
  }

  /** How many members it has. */
  get size(): number {
    let size = 0;
    for (const group of this.groups) size += group.size;
    return size;
  }

  /** The group of a format, or null if no member has ever taken that format. */
  groupOf(format: Format): Group | null {
    for (const group of this.groups) {
      if (group.format === format) return group;
    }
    return null;
  }

  add(receiver: Receiver): Membership {
    let group = this.groupOf(receiver.format);
    if (group === null) {
      group = new Group(this, receiver.format);
      this.groups.push(group);
    }
    return group.add(receiver);
  }
}

/** The members of groups, each receiver once. @param groups of one format */
export function distinctMembers(groups: readonly Group[]): readonly Membership[] {
  const found = new Map<Receiver, Membership>();
  for (const { members } of groups) {
    for (const member of members) {
      if (member.position >= 0 && !found.has(member.receiver)) found.set(member.receiver, member);
    }
  }
  return [...found.values()];
}
