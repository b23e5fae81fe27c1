/**
 * Namespaces that the kernel does not have, that this user may not make, or that are not where the config
 * says: namespaces(7), user_namespaces(7).
 * @module
 */

import { NAMESPACES, type NamespaceType } from "../../../../spec/namespaces.ts";
import { isAtLeast } from "../../../host/view.ts";
import { asksFor, type Question, withPaths } from "./check.ts";
import type { HostReport } from "../finding.ts";

/** The kernel's options for each type; a mount namespace is always there. */
const OPTIONS: Readonly<Record<NamespaceType, string>> = {
  cgroup: "CONFIG_CGROUPS",
  ipc: "CONFIG_IPC_NS",
  mount: "CONFIG_NAMESPACES",
  network: "CONFIG_NET_NS",
  pid: "CONFIG_PID_NS",
  time: "CONFIG_TIME_NS",
  user: "CONFIG_USER_NS",
  uts: "CONFIG_UTS_NS",
};

/** Checks every namespace of the config. */
export function checkNamespaces({ spec, host, mounts }: Question, report: HostReport): void {
  const root = host.uid === 0;
  for (const [{ type, path }, at] of withPaths(spec.linux?.namespaces, "linux.namespaces")) {
    if (type === undefined) continue;
    const link = `/proc/self/ns/${NAMESPACES[type].link}`;
    if (host.link(link) === undefined && host.kind("/proc/self/ns") === "directory") {
      report(`${at}.type`, `this kernel has no ${type} namespaces`, `use one with ${OPTIONS[type]}`);
    } else if (path) checkJoined({ host, mounts }, type, path, `${at}.path`, report);
    else checkNew(host, type, at, report);
  }
  if (!root && !asksFor(spec, "user")) {
    const rule = "a container of a user who is not root needs a user namespace";
    report("linux.namespaces", rule, 'add {"type": "user"} and id mappings: see "tsrun spec --rootless"');
  }
}

function checkNew(host: Question["host"], type: NamespaceType, at: string, report: HostReport): void {
  const sysctl = `user/max_${NAMESPACES[type].link}_namespaces`;
  if (host.read(`/proc/sys/${sysctl}`)?.trim() === "0") {
    report(at, `this host allows no ${type} namespaces`, `sysctl -w ${sysctl.replace("/", ".")}=10000`);
  }
  if (type === "user" && host.uid !== 0) {
    const name = "kernel/unprivileged_userns_clone";
    if (host.read(`/proc/sys/${name}`)?.trim() === "0") {
      report(at, "only root may make user namespaces here", `sysctl -w ${name.replace("/", ".")}=1`);
    }
  }
  if (type === "time" && host.uid !== 0 && !isAtLeast(host, 6, 1)) {
    report(at, "without root's rights a time namespace needs Linux 6.1", "run as root, or remove it");
  }
}

/** A namespace is a magic link of /proc, or a mount of one. */
function checkJoined(
  { host, mounts }: Pick<Question, "host" | "mounts">,
  type: NamespaceType,
  path: string,
  at: string,
  report: HostReport,
): void {
  if (host.kind(path) === undefined) {
    return report(at, "there is no such namespace", "start what holds it, or correct the path");
  }
  const shown = mounts.namespaceAt(path) ?? host.link(path);
  const wanted = NAMESPACES[type].link, found = /^(\w+?)(?:_for_children)?:\[\d+\]$/.exec(shown ?? "")?.[1];
  if (found === wanted || (found === undefined && shown !== undefined && !path.startsWith("/proc/"))) return;
  const rule = found === undefined ? "is no namespace" : `is a namespace of the kind ${found}, not ${wanted}`;
  report(at, rule, `name a ${type} namespace, such as /proc/PID/ns/${wanted}`);
}
