/**
 * Programs of the host that a dry run would talk to over unix sockets, by stand-ins.
 * @module
 */

import type { DryTree } from "./tree.ts";

/** A stand-in at the other end of a connection. */
export interface DryPeer {
  /** Takes what is sent. @returns What it answers, empty for nothing. */
  take(bytes: Uint8Array): Uint8Array;
}

/** What a peer is given of the dry run. */
export interface PeerTools {
  tree: DryTree;
  /** Tells of a call that the peer is asked for, in one line. @param name Its method. */
  tell(name: string, call: string): void;
  /** Takes what is to be done when the containers' processes have ended. */
  whenEnded(act: () => void): void;
}

/**
 * Finds the peer at a path; `@name` is an abstract one.
 *
 * @returns Undefined where any program may listen, which is sent something and says nothing; a negative errno
 * where nobody does.
 */
export type FindPeer = (path: string, tools: PeerTools) => DryPeer | number | undefined;
