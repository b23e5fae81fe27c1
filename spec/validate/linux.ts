/**
 * Rules of devices, paths, kernel parameters and Intel RDT: runtime-spec `config-linux.md`.
 *
 * @module
 */
import { MOUNT_PROPAGATION } from "../mount_options.ts";
import { isSysctlName, sysctlName } from "../sysctl.ts";
import type { Namespaces } from "./namespaces.ts";
import { ID, quote, type Section, UINT32 } from "./section.ts";

/** Largest major number: 12 bits, linux/kdev_t.h. */
const MAJOR_MAX = 0xfff;

/** Largest minor number: 20 bits, linux/kdev_t.h. */
const MINOR_MAX = 0xfffff;

/** `linux.devices`: mknod(2). */
export function checkDevices(linux: Section): void {
  for (const device of linux.objects("devices")) {
    device.need("type", "path");
    const type = device.string("type"), path = device.string("path");
    if (type !== undefined && !["c", "b", "u", "p"].includes(type)) {
      device.fail("type", `invalid device type ${quote(type)}`, "one of c, b, u, p");
    }
    if (path !== undefined && !path.startsWith("/")) device.fail("path", "must be an absolute path");
    if (type !== "p") {
      device.need("major", "minor");
      device.integer("major", 0, MAJOR_MAX);
      device.integer("minor", 0, MINOR_MAX);
    }
    device.integer("fileMode", 0, UINT32);
    device.integer("uid", 0, ID);
    device.integer("gid", 0, ID);
  }
}

/** `maskedPaths`, `readonlyPaths`, `rootfsPropagation`, `mountLabel`: all need a mount namespace. */
export function checkPaths(linux: Section, namespaces: Namespaces): void {
  let restricted = false;
  for (const key of ["maskedPaths", "readonlyPaths"]) {
    const paths = linux.strings(key) ?? [];
    if (paths.length > 0 && !restricted && !namespaces.has("mount")) {
      linux.fail(
        key,
        "unable to restrict sys entries without a private MNT namespace",
        namespaces.fix("mount"),
      );
      restricted = true;
    }
    const relative = paths.find((path) => !path.startsWith("/"));
    if (relative !== undefined) linux.fail(key, `${quote(relative)} is not an absolute path`);
  }
  const propagation = linux.string("rootfsPropagation");
  if (propagation && !Object.hasOwn(MOUNT_PROPAGATION, propagation)) {
    linux.fail(
      "rootfsPropagation",
      `rootfsPropagation=${propagation} is not supported`,
      `one of ${Object.keys(MOUNT_PROPAGATION).join(", ")}`,
    );
  } else if (propagation && !namespaces.has("mount")) {
    linux.fail(
      "rootfsPropagation",
      "unable to set the root's propagation without a private MNT namespace",
      namespaces.fix("mount"),
    );
  }
  linux.string("mountLabel");
  linux.string("cgroupsPath");
}

/** `sysctl`: only what belongs to a namespace of the container. */
export function checkSysctl(linux: Section, namespaces: Namespaces): void {
  const sysctl = linux.object("sysctl");
  for (const key of sysctl?.keys() ?? []) {
    sysctl?.string(key);
    const name = sysctlName(key);
    if (!isSysctlName(key) || key.includes("\0")) {
      sysctl?.fail(key, `sysctl ${quote(key)} is not a valid name`);
    } else {
      const reason = refuseSysctl(name, namespaces);
      if (reason !== undefined) sysctl?.fail(key, reason);
    }
  }
}

/** Why the parameter cannot be set for the container alone. */
function refuseSysctl(name: string, namespaces: Namespaces): string | undefined {
  if (
    /^(?:fs\.mqueue\.|kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$)/.test(name)
  ) {
    return namespaces.has("ipc")
      ? undefined
      : `sysctl ${quote(name)} is not allowed in the hosts ipc namespace`;
  }
  if (name.startsWith("net.")) {
    return namespaces.has("network")
      ? undefined
      : `sysctl ${quote(name)} not allowed in host network namespace`;
  }
  if (name.startsWith("user.")) {
    return namespaces.has("user")
      ? undefined
      : `setting ucounts without a user namespace not allowed: ${name}`;
  }
  if (namespaces.has("uts") && name === "kernel.domainname") return undefined;
  if (namespaces.has("uts") && name === "kernel.hostname") {
    return `sysctl ${quote(name)} is not allowed as it conflicts with the OCI "hostname" field`;
  }
  return `sysctl ${quote(name)} is not in a separate kernel namespace`;
}

/** `intelRdt`: names and lines that resctrl takes. */
export function checkIntelRdt(linux: Section): void {
  const rdt = linux.object("intelRdt");
  if (!rdt) return;
  const closID = rdt.string("closID") ?? "";
  if (closID === "." || closID === ".." || (closID.length > 1 && closID.includes("/"))) {
    rdt.fail("closID", `invalid intelRdt.ClosID ${quote(closID)}`);
  }
  const bandwidth = rdt.string("memBwSchema");
  if (bandwidth && !bandwidth.startsWith("MB:")) rdt.fail("memBwSchema", 'must start with "MB:"');
  for (const key of ["l3CacheSchema", "memBwSchema"]) {
    const line = rdt.value[key];
    if (rdt.string(key) !== undefined && String(line).includes("\n")) {
      rdt.fail(key, "must not contain newlines");
    }
  }
  for (const [index, line] of rdt.strings("schemata")?.entries() ?? []) {
    if (line.includes("\n")) rdt.failItem("schemata", index, "must not contain newlines");
  }
  rdt.boolean("enableMonitoring");
}
