/**
 * Capabilities that a process asks for and cannot get, because the runtime itself does not have them.
 * @module
 */
import type { HostCapabilities } from "../../init/identity.ts";
import { CAPABILITIES } from "../../spec/capabilities.ts";
import { lookup } from "../../spec/tables.ts";
import type { Process } from "../../spec/types.ts";
import type { Log } from "../host/log.ts";

/**
 * The known capabilities that are asked for and that the host does not have.
 *
 * @param host The kernel's capabilities, and those that the runtime may hand on.
 */
export function lackingCapabilities(
  names: readonly string[],
  { permitted, last }: HostCapabilities,
): string[] {
  const { low, high } = permitted;
  return names.filter((name) => {
    const bit = lookup(CAPABILITIES, name) ?? -1;
    if (bit < 0) return false;
    return bit > last || ((bit < 32 ? low >>> bit : high >>> (bit - 32)) & 1) === 0;
  });
}

/** Warns of capabilities of the process that are left out. */
export function warnLacking(log: Log, { capabilities }: Process, host: HostCapabilities): void {
  const lacking = lackingCapabilities(capabilities?.permitted ?? [], host);
  if (lacking.length === 0) return;
  log.warnLater(
    `ignoring capabilities that the runtime itself lacks: [${lacking.join(" ")}]`,
    "runtime/container/lacking_capabilities.ts warnLacking",
  );
}
