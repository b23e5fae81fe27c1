/**
 * How commands start: from a snapshot of the started engine, or with an engine of their own.
 * @module
 */

import { type DoctorHost, type Finding, fine, type Group, isRoot } from "../finding.ts";

export const start: Group = {
  name: "start",
  title: "Start of tsrun",
  look: (host): Finding[] => [engine(host)],
};

function engine(host: DoctorHost): Finding {
  const name = "engine";
  if (host.fromSnapshot) return fine(name, "commands go on from a snapshot of the engine");
  return {
    ...{ name, state: "limited", needed: false, says: "each command starts an engine" },
    means: isRoot(host)
      ? "a command takes 10 to 20 ms more: there is no snapshot of this build for this kernel and processor"
      : "a command takes 10 to 20 ms more: the snapshot is for root alone",
    mend: isRoot(host)
      ? "on x86-64: ./x install on this host; tsrun --take-snapshot, if it is a compiled program"
      : "nothing to do, if it is as fast as is needed",
  };
}
