/**
 * Rules of namespaces and of what depends on them: runtime-spec `config-linux.md`.
 *
 * @module
 */
import { NAMESPACES, type NamespaceType } from "../namespaces.ts";
import { lookup } from "../tables.ts";
import { checkIdMappings, type IdRange, isMapped } from "./id_mappings.ts";
import { quote, Section } from "./section.ts";

/** Longest name of a network device: IFNAMSIZ of linux/if.h without the final NUL. */
const DEVICE_NAME_MAX = 15;

/** The namespaces that the container has for itself, with the path of those that it joins. */
export class Namespaces {
  readonly #paths = new Map<string, string>();

  /** Adds one; false: there was one of this type. */
  add(type: NamespaceType, path: string): boolean {
    if (this.#paths.has(type)) return false;
    this.#paths.set(type, path);
    return true;
  }

  /** Whether the container has one of this type, new or joined. */
  has(type: NamespaceType): boolean {
    return this.#paths.has(type);
  }

  /** Whether the container joins one of this type. */
  joins(type: NamespaceType): boolean {
    return !!this.#paths.get(type);
  }

  /** What to do when there is none of this type. */
  fix(type: NamespaceType): string {
    return `add {"type": "${type}"} to linux.namespaces`;
  }
}

/** Reads `linux.namespaces`: known types, each once, joined by absolute paths. */
export function checkNamespaces(linux: Section | undefined): Namespaces {
  const namespaces = new Namespaces();
  for (const entry of linux?.objects("namespaces") ?? []) {
    entry.need("type");
    const type = entry.string("type"), path = entry.string("path") ?? "";
    if (type === undefined) continue;
    const shown = `{${quote(type)} ${quote(path)}}`;
    if (!lookup(NAMESPACES, type)) {
      entry.fail("type", `namespace ${shown} does not exist`, `one of ${Object.keys(NAMESPACES).join(", ")}`);
    } else if (!namespaces.add(type as NamespaceType, path)) {
      entry.fail("type", `malformed spec file: duplicated ns ${shown}`, "keep one of them");
    }
    if (path !== "" && !path.startsWith("/")) entry.fail("path", "must be an absolute path");
  }
  return namespaces;
}

/** Id mappings need a user namespace, and a new user namespace needs them, for root and for the process. */
export function checkUserNamespace(
  linux: Section,
  namespaces: Namespaces,
  process: Section | undefined,
): void {
  const uids = checkIdMappings(linux, "uidMappings"), gids = checkIdMappings(linux, "gidMappings");
  if (!namespaces.has("user")) {
    if (uids.length + gids.length === 0) return;
    linux.fail(
      uids.length > 0 ? "uidMappings" : "gidMappings",
      "user namespace mappings specified, but user namespace isn't enabled in the config",
      namespaces.fix("user"),
    );
  } else if (!namespaces.joins("user")) {
    if (uids.length + gids.length === 0) {
      linux.fail(
        "uidMappings",
        "user namespaces enabled, but no namespace path to join nor mappings to apply specified",
      );
      return;
    }
    checkMapped(linux, "uid", uids, process);
    checkMapped(linux, "gid", gids, process);
  }
}

function checkMapped(
  linux: Section,
  kind: "uid" | "gid",
  ranges: IdRange[],
  process: Section | undefined,
): void {
  const key = `${kind}Mappings`;
  if (ranges.length === 0) {
    const given = linux.value[key] ?? [];
    if (Array.isArray(given) && given.length === 0) {
      linux.fail(key, `user namespaces enabled, but no ${kind} mappings found`);
    }
    return;
  }
  if (!isMapped(ranges, 0)) linux.fail(key, `user namespaces enabled, but no mapping found for ${kind} 0`);
  const user = process?.value.user as Record<string, unknown> | undefined | null;
  const more = kind === "gid" && Array.isArray(user?.additionalGids) ? user.additionalGids : [];
  for (const id of [user?.[kind], ...more]) {
    if (typeof id !== "number" || id === 0 || isMapped(ranges, id)) continue;
    linux.fail(key, `cannot set${kind} to unmapped ${kind} ${id} in user namespace`, `of process.user`);
  }
}

/** Options that name an id, as tmpfs and devpts have them, need one that is mapped: the kernel says EINVAL only. */
export function checkMountIds(config: Section, linux: Section, namespaces: Namespaces): void {
  if (!namespaces.has("user") || namespaces.joins("user")) return;
  for (const kind of ["uid", "gid"] as const) {
    const ranges = rangesOf(linux.value[`${kind}Mappings`]);
    if (ranges.length === 0) continue;
    const mounts = Array.isArray(config.value.mounts) ? config.value.mounts : [];
    for (const [index, mount] of mounts.entries()) {
      for (const option of Array.isArray(mount?.options) ? mount.options : []) {
        const id = typeof option === "string" && option.startsWith(`${kind}=`) ? option.slice(4) : "";
        if (!/^\d+$/.test(id) || isMapped(ranges, Number(id))) continue;
        new Section(config.problems, mount, `mounts[${index}]`)
          .fail("options", `${quote(option)}: ${id} is not mapped in linux.${kind}Mappings`);
      }
    }
  }
}

/** The ranges of a list whose form is checked elsewhere. */
function rangesOf(list: unknown): IdRange[] {
  return Array.isArray(list) ? list.filter((it) => typeof it?.size === "number") : [];
}

/** Clock offsets need a new time namespace. */
export function checkTimeOffsets(linux: Section, namespaces: Namespaces): void {
  const offsets = linux.object("timeOffsets");
  if (!offsets) return;
  if (!namespaces.has("time")) {
    linux.fail(
      "timeOffsets",
      "time namespace offsets specified, but time namespace isn't enabled in the config",
      namespaces.fix("time"),
    );
  } else if (namespaces.joins("time")) {
    linux.fail(
      "timeOffsets",
      "time namespace enabled, but both namespace path and time offsets specified -- you may only provide one",
    );
  }
  for (const clock of offsets.keys()) {
    if (clock !== "monotonic" && clock !== "boottime") {
      offsets.fail(clock, `clock ${quote(clock)} has no offset`, "one of monotonic, boottime");
    }
    const offset = offsets.object(clock);
    offset?.integer("secs", Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER);
    offset?.integer("nanosecs", 0, 999_999_999);
  }
}

/** Network devices need a network namespace, and names that the kernel takes. */
export function checkNetDevices(linux: Section, namespaces: Namespaces): void {
  const devices = linux.object("netDevices");
  if (!devices || devices.keys().length === 0) return;
  if (!namespaces.has("network")) {
    linux.fail(
      "netDevices",
      "unable to move network devices without a NET namespace",
      namespaces.fix("network"),
    );
  }
  const names = new Set<string>();
  for (const host of devices.keys()) {
    if (!isDeviceName(host)) devices.fail(host, `invalid network device name ${quote(host)}`);
    const device = devices.object(host);
    const name = device?.string("name");
    if (name && !(isDeviceName(name) && isDeviceTemplate(name))) {
      device?.fail("name", `invalid network device name ${quote(name)}`);
    }
    const taken = name || host;
    if (names.has(taken) && !taken.includes("%d")) {
      devices.fail(host, `network device name ${quote(taken)} is given twice`, "give each another name");
    }
    names.add(taken);
  }
}

/** A percent sign stands for a number that the kernel finds, `%d`, once: dev_prep_valid_name() in net/core/dev.c. */
function isDeviceTemplate(name: string): boolean {
  return /^[^%]*(?:%d[^%]*)?$/.test(name);
}

/** The rule of dev_valid_name() in the kernel's net/core/dev.c. */
function isDeviceName(name: string): boolean {
  return name.length > 0 && name.length <= DEVICE_NAME_MAX && name !== "." && name !== ".." &&
    !/[/:\s]/.test(name);
}
