/**
 * What `tsrun doctor` finds on a host.
 * @module
 */

import type { HostView } from "../../host/view.ts";
import type { Trials } from "./trials.ts";

/** `ok`: it works. `limited`: some of it does. `missing`: it was tried, and does not work. */
export type Health = "ok" | "limited" | "missing";

/** One finding. */
export interface Finding {
  /** What was looked at. */
  name: string;
  state: Health;
  /** Whether this caller can make no container at all without it. */
  needed: boolean;
  /** What was found. */
  says: string;
  /** What that means, and for whom; absent where all is well. */
  means?: string;
  /** What mends it: a command, or words where there is none. */
  mend?: string;
}

/** Everything that is asked: files of the host, and what has to be tried. */
export interface DoctorHost {
  view: HostView;
  trials: Trials;
  /** Text of /proc/self/mountinfo. */
  mountinfo: string;
  /** The caller's environment. */
  env: Readonly<Record<string, string>>;
  /** State root of the caller's containers, and the name or path of CRIU: global options. */
  root: string;
  criu: string;
  /** Whether this process goes on from a snapshot of the started engine (build/snapshot/README.md). */
  fromSnapshot: boolean;
}

/** A subject of the report. */
export interface Group {
  /** Stable name, for programs. */
  name: string;
  title: string;
  look(host: DoctorHost): Finding[] | Promise<Finding[]>;
}

/** A finding that all is well. */
export function fine(name: string, says: string, needed = false): Finding {
  return { name, state: "ok", needed, says };
}

/** Whether the caller is root. */
export function isRoot({ view }: DoctorHost): boolean {
  return view.uid === 0;
}
