/**
 * Settings that are allowed and that give a container power over its host, or take a protection away that
 * containers usually have.
 *
 * @module
 */
import { CAPABILITIES } from "../capabilities.ts";
import { cleanPath } from "../clean_path.ts";
import { MS_BIND, parseMountOptions } from "../mount_options.ts";
import type { Mount, Spec } from "../types.ts";
import { type Partly, quote, type Report } from "../rules/report.ts";

/** Sockets by which a program commands a service that has root's rights, and the services. */
const SOCKETS: Readonly<Record<string, string>> = {
  "/run/docker.sock": "docker",
  "/run/containerd/containerd.sock": "containerd",
  "/run/crio/crio.sock": "CRI-O",
  "/run/podman/podman.sock": "podman",
  "/run/systemd/private": "systemd",
  "/run/dbus/system_bus_socket": "the system bus",
};

/** Directories of the host that no container should write to: what is in them runs, or steers, the host. */
const OF_THE_HOST: readonly string[] = [
  ...["/", "/boot", "/dev", "/etc", "/proc", "/root", "/run", "/sys", "/usr", "/var", "/var/lib/docker"],
];

/** Capabilities of which each alone is as good as root on the host, without a user namespace. */
const STRONG: readonly string[] = ["CAP_DAC_READ_SEARCH", "CAP_SYS_ADMIN", "CAP_SYS_MODULE", "CAP_SYS_RAWIO"];

/** Capabilities that older kernels lack: a list without them counts as all. */
const RECENT: readonly string[] = ["CAP_AUDIT_READ", "CAP_BPF", "CAP_CHECKPOINT_RESTORE", "CAP_PERFMON"];

/** Warns of every dangerous setting. */
export function warnDangers(config: Partly<Spec>, warn: Report): void {
  warnNamespaces(config, warn);
  warnCapable(config, warn);
  warnRoot(config, warn);
  config.mounts?.forEach((mount, index) => warnMount(mount, `mounts[${index}]`, warn));
  warnUnmasked(config, warn);
  warnUnconfined(config, warn);
  config.linux?.resources?.devices?.forEach(({ allow, type, major, minor, access = "" }, index) => {
    const every = (number: unknown) => number === undefined || number === -1;
    if (!allow || !every(major) || !every(minor)) return;
    // For the kernel the type "a" means every device and every access.
    if (type !== "a" && type && !/[rw]/.test(access)) return;
    warn(`linux.resources.devices[${index}]`, "allows every device of the host", "name the devices");
  });
}

function has({ linux }: Partly<Spec>, type: string): boolean {
  return linux?.namespaces?.some((it) => it.type === type) === true;
}

function warnNamespaces(config: Partly<Spec>, warn: Report): void {
  const add = (type: string) => `add {"type": "${type}"} to linux.namespaces`;
  if (!has(config, "pid")) {
    warn("linux.namespaces", "no PID namespace: the container sees the host's processes", add("pid"));
  }
  if (!has(config, "mount")) {
    warn("linux.namespaces", "no mount namespace: the container mounts on the host", add("mount"));
  }
  if (!has(config, "network")) {
    warn("linux.namespaces", "no network namespace: the container has the host's network", add("network"));
  }
  if (!has(config, "ipc")) {
    warn("linux.namespaces", "no IPC namespace: the container shares memory with the host", add("ipc"));
  }
  config.linux?.namespaces?.forEach(({ path = "" }, index) => {
    if (!/^\/proc\/1\/ns\//.test(path)) return;
    warn(`linux.namespaces[${index}].path`, "joins the namespace of the host's init", "remove the path");
  });
}

function warnCapable(config: Partly<Spec>, warn: Report): void {
  const { bounding = [], permitted = [] } = config.process?.capabilities ?? {};
  const [set, names] = permitted.length > 0 ? ["permitted", permitted] : ["bounding", bounding];
  const path = `process.capabilities.${set}`;
  const all = Object.keys(CAPABILITIES).every((name) => names.includes(name) || RECENT.includes(name));
  if (all) return warn(path, "gives all capabilities", "list only those that the program needs");
  const strong = STRONG.filter((name) => names.includes(name));
  if (strong.length === 0 || has(config, "user")) return;
  warn(path, `gives power over the host: [${strong.join(" ")}]`, "remove them, or use a user namespace");
}

function warnRoot({ root, linux }: Partly<Spec>, warn: Report): void {
  if (root?.path !== undefined && /^\/+$/.test(root.path) && !root.readonly) {
    warn("root.path", "the container's root is the host's, and writable", "set root.readonly");
  }
  if (linux?.rootfsPropagation === "shared" || linux?.rootfsPropagation === "rshared") {
    warn("linux.rootfsPropagation", "mounts in the container appear on the host", 'use "rslave"');
  }
}

function warnMount({ source, options: given, destination }: Partly<Mount>, path: string, warn: Report): void {
  const options = parseMountOptions(given);
  if (!(options.flags & MS_BIND) || source === undefined || !source.startsWith("/")) return;
  const place = cleanPath(source), service = SOCKETS[place.replace(/^\/var\/run\//, "/run/")];
  if (service !== undefined) {
    warn(`${path}.source`, `gives the container the socket of ${service}, which acts as root`, "remove it");
  }
  const readonly = given?.some((option) => option === "ro" || option === "rro");
  if (!readonly && OF_THE_HOST.includes(place)) {
    const whose = place === "/" ? "the whole host" : `${quote(place)} of the host`;
    warn(
      `${path}.source`,
      `${whose} is writable in the container at ${quote(destination ?? "")}`,
      'add "ro"',
    );
  }
}

/** What docker and runc mask; the absence of all of it is what counts. */
function warnUnmasked({ mounts = [], linux }: Partly<Spec>, warn: Report): void {
  if (!mounts.some(({ type }) => type === "proc" || type === "sysfs")) return;
  if (!linux?.maskedPaths?.length) {
    warn("linux.maskedPaths", "nothing of /proc and /sys is masked", 'add "/proc/kcore" and others');
  }
  if (!linux?.readonlyPaths?.length) {
    warn("linux.readonlyPaths", "nothing of /proc is read-only", 'add "/proc/sys", "/proc/sysrq-trigger"');
  }
}

function warnUnconfined({ process, linux }: Partly<Spec>, warn: Report): void {
  const { defaultAction, syscalls } = linux?.seccomp ?? {};
  if (defaultAction === undefined || defaultAction === "SCMP_ACT_ALLOW" && !syscalls?.length) {
    warn("linux.seccomp", "no system call is filtered", "give a seccomp profile");
  }
  const { apparmorProfile: profile, selinuxLabel: label } = process ?? {};
  if (profile === "unconfined") {
    warn("process.apparmorProfile", "AppArmor does not confine the process", "name a profile");
  } else if (!profile && !label) {
    const reason = "neither AppArmor nor SELinux confines the process";
    warn("process.apparmorProfile", reason, "name a profile, or set process.selinuxLabel");
  }
}
