/**
 * What a configuration asks for that is dropped, deprecated or obsolete, and is no reason to fail.
 *
 * @module
 */
import { CAPABILITIES } from "../capabilities.ts";
import { lookup } from "../tables.ts";
import type { Problem } from "./problem.ts";
import { CAPABILITY_SETS } from "./process.ts";
import { isObject, quote, Section } from "./section.ts";

/** Warnings of a valid configuration. */
export function collectWarnings(config: unknown): Problem[] {
  const problems: Problem[] = [];
  if (!isObject(config)) return problems;
  const section = new Section(problems, config, "");
  warnCapabilities(section.object("process")?.object("capabilities"));
  for (const mount of section.objects("mounts")) {
    const destination = mount.string("destination");
    if (destination !== undefined && !destination.startsWith("/")) {
      mount.fail(
        "destination",
        `mount destination ${destination} is not absolute, using it as relative to /`,
      );
    }
  }
  const linux = section.object("linux");
  if (linux) warnLinux(linux);
  return problems;
}

/** Capabilities that are unknown or cannot be granted; the specification wants a warning for them. */
function warnCapabilities(capabilities: Section | undefined): void {
  if (!capabilities) return;
  const sets = new Map(CAPABILITY_SETS.map((set) => [set, capabilities.strings(set) ?? []]));
  for (const [set, names] of sets) {
    const unknown = names.filter((it) => lookup(CAPABILITIES, it) === undefined);
    if (unknown.length > 0) {
      capabilities.fail(set, `ignoring unknown or unavailable capabilities: [${unknown.join(" ")}]`);
    }
  }
  const warnMissing = (set: "effective" | "ambient", within: "permitted" | "inheritable") => {
    const missing = sets.get(set)?.filter((it) => !sets.get(within)?.includes(it)) ?? [];
    if (missing.length > 0) {
      capabilities.fail(set, `not in the ${within} set, so they cannot be granted: [${missing.join(" ")}]`);
    }
  };
  warnMissing("effective", "permitted");
  warnMissing("ambient", "permitted");
  warnMissing("ambient", "inheritable");
}

function warnLinux(linux: Section): void {
  const flags = linux.object("personality")?.strings("flags") ?? [];
  if (flags.length > 0) {
    linux.object("personality")?.fail(
      "flags",
      `ignoring unsupported personality flags: [${flags.join(" ")}]`,
    );
  }
  const memory = linux.object("resources")?.object("memory");
  if (memory?.has("kernel") || memory?.has("kernelTCP")) {
    memory.fail(memory.has("kernel") ? "kernel" : "kernelTCP", "kernel memory settings are ignored");
  }
  const rdt = linux.object("intelRdt");
  for (const name of ["enableCMT", "enableMBM"]) {
    if (rdt?.has(name)) rdt.fail(name, "replaced by enableMonitoring in version 1.3.0: ignored");
  }
  const joined = linux.objects("namespaces").find((it) => it.value.type === "user" && it.value.path);
  if (joined && (linux.has("uidMappings") || linux.has("gidMappings"))) {
    const path = quote(String(joined.value.path));
    linux.fail(
      linux.has("uidMappings") ? "uidMappings" : "gidMappings",
      `the user namespace ${path} has its own mappings`,
    );
  }
}
