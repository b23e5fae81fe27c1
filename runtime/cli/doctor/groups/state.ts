/**
 * The state directory: whether it can be written, what it is on, and how much is free.
 * @module
 */

import { strerror } from "../../../../ffi/errno.ts";
import { type DoctorHost, type Finding, fine, type Group } from "../finding.ts";

/** What a container's record takes, and a hundred of them: below this, a busy host runs out. */
const LITTLE = 16 << 20, FEW = 1000;

export const stateDirectory: Group = {
  name: "state",
  title: "State directory",
  look: (host): Finding[] => [writing(host), free(host)],
};

function writing({ trials, root, env, view }: DoctorHost): Finding {
  const name = "writing", errno = trials.stateDirectory(root);
  if (errno === 0) return fine(name, `${root} can be written`, true);
  const own = view.uid !== 0 && env.XDG_RUNTIME_DIR === undefined;
  return {
    ...{ name, state: "missing", needed: true, says: `${root}: ${strerror(errno)}` },
    means: "no container can be made",
    mend: own
      ? `export XDG_RUNTIME_DIR=/run/user/${view.uid}, or use --root`
      : "use --root, or remount it writable",
  };
}

function free({ trials, root }: DoctorHost): Finding {
  const name = "space", space = trials.space(root);
  if (space === undefined) return fine(name, "cannot be asked");
  const { bytes, files, type } = space, shown = `${type}, ${size(bytes)} and ${files} files free`;
  if (bytes < LITTLE || files > 0 && files < FEW) {
    return {
      ...{ name, state: "limited", needed: false, says: shown },
      means: "with few more containers none can be made",
      mend: `mount -o remount,size=20% ${root.split("/").slice(0, 2).join("/")}`,
    };
  }
  if (type === "tmpfs") return fine(name, shown);
  return {
    ...{ name, state: "limited", needed: false, says: `${shown}, not a tmpfs` },
    means: "records of containers outlive a reboot, after which they describe nothing",
    mend: root.startsWith("/run/") ? "mount a tmpfs on /run, at boot" : "use a directory of /run for --root",
  };
}

function size(bytes: number): string {
  return bytes >= 1 << 30 ? `${Math.floor(bytes / 2 ** 30)} GiB` : `${Math.floor(bytes / 2 ** 20)} MiB`;
}
