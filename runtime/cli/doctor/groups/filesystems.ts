/**
 * Mounts: the calls, overlays of users, and id-mapped mounts on the filesystems in use.
 * @module
 */

import { EINVAL, ENODEV, ENOSYS, EPERM, strerror } from "../../../../ffi/errno.ts";
import { type DoctorHost, type Finding, fine, type Group, isRoot } from "../finding.ts";

/** Where containers' files usually are. */
const PLACES: readonly string[] = [
  ...["/", "/run", "/tmp", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers", "/home"],
];

export const filesystems: Group = {
  name: "filesystems",
  title: "Mounts and filesystems",
  look(host): Finding[] {
    const findings = [mountCalls(host), overlay(host)];
    return isRoot(host) ? [...findings, ...idmaps(host)] : findings;
  },
};

function mountCalls(host: DoctorHost): Finding {
  const name = "mount calls", answer = host.trials.mountCalls(!isRoot(host));
  const finding = { name, state: "missing", needed: true, means: "no container can be made" } as const;
  if (typeof answer === "number") {
    const where = isRoot(host) ? "a mount namespace" : "a mount namespace in a user namespace";
    return { ...finding, says: `${where}: ${strerror(answer)}`, mend: "see namespaces, above" };
  }
  const refused = Object.entries(answer).filter(([, errno]) => errno !== 0);
  if (refused.length === 0) return fine(name, `${Object.keys(answer).join(", ")}: work`, true);
  return {
    ...finding,
    says: refused.map(([call, errno]) => `${call}: ${strerror(errno)}`).join("; "),
    mend: refused.some(([, errno]) => errno === ENOSYS)
      ? "install Linux 5.12 or later"
      : "run with CAP_SYS_ADMIN; in a container, allow the mount calls in its seccomp profile",
  };
}

function overlay({ trials }: DoctorHost): Finding {
  const name = "overlay of users", errno = trials.overlay();
  if (errno === 0) return fine(name, "an overlay can be made in a user namespace");
  return {
    ...{ name, state: "limited", needed: false },
    says: `no overlay in a user namespace: ${strerror(errno)}`,
    means: "rootless podman and docker need fuse-overlayfs, or copy every layer",
    mend: errno === ENODEV
      ? "modprobe overlay"
      : errno === EPERM
      ? "install Linux 5.11 or later, see user namespaces, above; or apt install fuse-overlayfs"
      : "apt install fuse-overlayfs",
  };
}

/** One trial for each filesystem that one of the places is on. */
function idmaps({ view, trials, mountinfo, root }: DoctorHost): Finding[] {
  const mounts = mountinfo.trim().split("\n").map((line) => {
    const [before, after = ""] = line.split(" - ");
    return { point: before.split(" ")[4], type: after.split(" ")[0] };
  });
  const seen = new Set<string>();
  return [root, ...PLACES].filter((place) => view.kind(place) === "directory").flatMap((place) => {
    const on = mounts.filter(({ point }) => point === "/" || place === point || place.startsWith(`${point}/`))
      .reduce((best, it) => it.point.length >= best.point.length ? it : best, { point: "", type: "" });
    if (on.point === "" || seen.has(on.point)) return [];
    seen.add(on.point);
    return [idmap(on.point, on.type, trials.idmap(on.point))];
  });
}

function idmap(point: string, type: string, errno: number): Finding {
  const name = `idmap ${point}`;
  if (errno === 0) return fine(name, `${type}: ids can be mapped`);
  const state = errno === ENOSYS ? "missing" : "limited";
  return {
    ...{ name, state, needed: false, says: `${type}: ids cannot be mapped: ${strerror(errno)}` },
    means: "volumes with ids of their own (podman's :idmap, Kubernetes' user namespaces) are refused there",
    mend: errno === EINVAL
      ? `keep such volumes elsewhere: this kernel's ${type} has none`
      : errno === EPERM
      ? "run as root of the host, who owns the filesystem"
      : "install Linux 5.12",
  };
}
