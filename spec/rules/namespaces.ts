/**
 * Rules of namespaces and of what needs one: runtime-spec `config-linux.md`.
 *
 * @module
 */
import type { NamespaceType } from "../namespaces.ts";
import { cleanPath } from "../clean_path.ts";
import { isSysctlName, sysctlName } from "../sysctl.ts";
import type { Linux, Spec } from "../types.ts";
import { type Partly, propertyPath, quote, type Report } from "./report.ts";

/**
 * The namespaces that are not the runtime's own: the path of each namespace that the container joins, `""`
 * for a new one.
 */
export type Namespaces = { readonly [Type in NamespaceType]?: string };

/** The remedy where the container needs a namespace of this type and has none. */
export function fixNamespace(type: NamespaceType): string {
  return `add {"type": "${type}"} to linux.namespaces`;
}

/** Reads `linux.namespaces`, each type of which is there once. */
export function namespacesOf({ namespaces = [] }: Partly<Linux>, report: Report): Namespaces {
  const found: { [Type in NamespaceType]?: string } = {};
  for (let index = 0; index < namespaces.length; index++) {
    const { type, path = "" } = namespaces[index];
    if (type === undefined) continue;
    if (found[type] === undefined) found[type] = path;
    else {
      report(
        `linux.namespaces[${index}].type`,
        `malformed spec file: duplicated ns {${quote(type)} ${quote(path)}}`,
        "keep one of them",
      );
    }
  }
  return found;
}

/** Longest host or domain name in bytes: __NEW_UTS_LEN of linux/utsname.h. */
const NAME_MAX = 64;

/** Host and domain name need a UTS namespace and fit it. */
export function checkHostNames(config: Partly<Spec>, namespaces: Namespaces, report: Report): void {
  for (const key of ["hostname", "domainname"] as const) {
    const name = config[key];
    if (!name) continue;
    if (namespaces.uts === undefined) {
      report(key, `unable to set ${key} without a private UTS namespace`, fixNamespace("uts"));
    }
    if (name.length > NAME_MAX / 3 && utf8Length(name) > NAME_MAX) {
      report(key, `is longer than the ${NAME_MAX} bytes that the kernel takes`);
    }
  }
}

/** Bytes of a text in UTF-8; a TextEncoder takes 0.2 ms to make. */
function utf8Length(text: string): number {
  let length = 0;
  for (const character of text) {
    const code = character.codePointAt(0)!;
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  }
  return length;
}

/**
 * Whether a container may have the mounts that its config asks for. A container without a mount namespace of
 * its own mounts in the runtime's, on a copy of its root, and `delete` unmounts that copy. This is not
 * possible in a user namespace, whose root has no rights over the runtime's mounts. It is not allowed on the
 * root of the host itself; whether a relative path leads there is found out on the host.
 */
export function mayMount({ root }: Partly<Spec>, { mount, user }: Namespaces): boolean {
  const { path = "" } = root ?? {};
  return mount !== undefined || user === undefined && !(path.startsWith("/") && cleanPath(path) === "/");
}

/**
 * `maskedPaths`, `readonlyPaths` and `rootfsPropagation` always need a mount namespace. A read-only root
 * needs one unless the container may mount without it.
 */
export function checkPaths(config: Partly<Spec>, namespaces: Namespaces, report: Report): void {
  if (namespaces.mount !== undefined) return;
  const { root, linux = {} } = config, fix = fixNamespace("mount");
  const refuse = (path: string, what: string) =>
    report(path, `unable to ${what} without a private MNT namespace`, fix);
  if (root?.readonly && !mayMount(config, namespaces)) refuse("root.readonly", "make the root read-only");
  if (linux.maskedPaths?.length) refuse("linux.maskedPaths", "restrict sys entries");
  else if (linux.readonlyPaths?.length) refuse("linux.readonlyPaths", "restrict sys entries");
  if (linux.rootfsPropagation) refuse("linux.rootfsPropagation", "set the root's propagation");
}

/** `sysctl`: only parameters that belong to a namespace of the container. */
export function checkSysctl({ sysctl = {} }: Partly<Linux>, namespaces: Namespaces, report: Report): void {
  for (const key in sysctl) {
    const reason = isSysctlName(key) && !key.includes("\0")
      ? refuseSysctl(sysctlName(key), namespaces)
      : `sysctl ${quote(key)} is not a valid name`;
    if (reason !== undefined) report(propertyPath("linux.sysctl", key), reason);
  }
}

/** Why the parameter cannot be set for the container alone. */
function refuseSysctl(name: string, namespaces: Namespaces): string | undefined {
  const quoted = quote(name);
  if (name.startsWith("net.")) {
    return namespaces.network === undefined
      ? `sysctl ${quoted} not allowed in host network namespace`
      : undefined;
  }
  if (
    /^(?:fs\.mqueue\.|kernel\.(?:msgmax|msgmnb|msgmni|sem|shmall|shmmax|shmmni|shm_rmid_forced)$)/.test(name)
  ) {
    return namespaces.ipc === undefined
      ? `sysctl ${quoted} is not allowed in the hosts ipc namespace`
      : undefined;
  }
  if (name.startsWith("user.")) {
    return namespaces.user === undefined
      ? `setting ucounts without a user namespace not allowed: ${name}`
      : undefined;
  }
  if (namespaces.uts !== undefined && name === "kernel.domainname") return undefined;
  if (namespaces.uts !== undefined && name === "kernel.hostname") {
    return `sysctl ${quoted} is not allowed as it conflicts with the OCI "hostname" field`;
  }
  return `sysctl ${quoted} is not in a separate kernel namespace`;
}
