/**
 * What the process asks of this host: capabilities, labels, limits.
 * @module
 */

import { reasonOf } from "../../../../ffi/errors.ts";
import { CAPABILITIES } from "../../../../spec/capabilities.ts";
import { lookup } from "../../../../spec/tables.ts";
import { labelsOf, mountLabelOf } from "../../../features/labels.ts";
import { lackingCapabilities } from "../../lacking_capabilities.ts";
import type { HostReport } from "../finding.ts";
import { asksFor, type Question, withPaths } from "./check.ts";

/** Capabilities that the kernel, or the caller, does not have. The container is made without them. */
export function checkCapabilities({ spec, host }: Question, report: HostReport): void {
  const last = Number(host.read("/proc/sys/kernel/cap_last_cap")?.trim() ?? "40");
  const words = permittedOf(host.read("/proc/self/status") ?? "");
  const inUserNamespace = asksFor(spec, "user");
  for (const [set, names = []] of Object.entries(spec.process?.capabilities ?? {})) {
    const path = `process.capabilities.${set}`;
    const young = names.filter((name) => (lookup(CAPABILITIES, name) ?? -1) > last);
    if (young.length > 0) report(path, `this kernel does not have [${young.join(" ")}]`, "remove", "dropped");
    if (set !== "permitted" || inUserNamespace || words === undefined || host.uid !== 0) continue;
    const lacking = lackingCapabilities(names, { permitted: words, last }).filter((it) =>
      !young.includes(it)
    );
    if (lacking.length === 0) continue;
    report(path, `the caller itself lacks [${lacking.join(" ")}]`, "give them to the caller", "dropped");
  }
}

function permittedOf(status: string): { low: number; high: number } | undefined {
  const digits = /^CapPrm:\s*([0-9a-f]{16})$/m.exec(status)?.[1];
  if (digits === undefined) return undefined;
  return { high: parseInt(digits.slice(0, 8), 16), low: parseInt(digits.slice(8), 16) };
}

/** Labels that no security module of the host would enforce. */
export function checkLabels({ spec: { process = {}, linux }, host }: Question, report: HostReport): void {
  const attempt = (path: string, look: () => unknown) => {
    try {
      look();
    } catch (error) {
      report(path, reasonOf(error), "remove it, or enable the security module at boot");
    }
  };
  const { apparmorProfile, selinuxLabel } = process;
  attempt("process.apparmorProfile", () => labelsOf({ apparmorProfile }, {}, host));
  attempt("process.selinuxLabel", () => labelsOf({ selinuxLabel }, {}, host));
  attempt("linux.mountLabel", () => mountLabelOf(linux?.mountLabel, host));
  checkProfile(apparmorProfile, host, report);
}

/** Root can read the list of loaded profiles. */
function checkProfile(profile: string | undefined, host: Question["host"], report: HostReport): void {
  const loaded = host.read("/sys/kernel/security/apparmor/profiles");
  if (!profile || profile === "unconfined" || loaded === undefined) return;
  if (loaded.split("\n").some((line) => line.replace(/ \(\w+\)$/, "") === profile)) return;
  const rule = `the AppArmor profile ${JSON.stringify(profile)} is not loaded`;
  report("process.apparmorProfile", rule, "load it by apparmor_parser, or name another");
}

/** Limits above what the caller may give. */
export function checkLimits({ spec, host }: Question, report: HostReport): void {
  const most = Number(host.read("/proc/sys/fs/nr_open")?.trim() ?? NaN);
  const own = host.read("/proc/self/limits") ?? "";
  for (const [{ type, hard = 0 }, at] of withPaths(spec.process?.rlimits, "process.rlimits")) {
    if (type === "RLIMIT_NOFILE" && hard > most) {
      report(`${at}.hard`, `is above fs.nr_open, ${most}`, `at most ${most}`);
      continue;
    }
    const mine = type === undefined || host.uid === 0 ? undefined : hardLimit(own, type);
    if (mine === undefined || hard <= mine) continue;
    report(`${at}.hard`, `is above the caller's own hard limit, ${mine}`, `at most ${mine}`);
  }
}

/** The names of /proc/PID/limits for those of the specification. */
const NAMES: Readonly<Record<string, string>> = {
  RLIMIT_AS: "Max address space",
  RLIMIT_CORE: "Max core file size",
  RLIMIT_CPU: "Max cpu time",
  RLIMIT_DATA: "Max data size",
  RLIMIT_FSIZE: "Max file size",
  RLIMIT_LOCKS: "Max file locks",
  RLIMIT_MEMLOCK: "Max locked memory",
  RLIMIT_MSGQUEUE: "Max msgqueue size",
  RLIMIT_NICE: "Max nice priority",
  RLIMIT_NOFILE: "Max open files",
  RLIMIT_NPROC: "Max processes",
  RLIMIT_RSS: "Max resident set",
  RLIMIT_RTPRIO: "Max realtime priority",
  RLIMIT_RTTIME: "Max realtime timeout",
  RLIMIT_SIGPENDING: "Max pending signals",
  RLIMIT_STACK: "Max stack size",
};

function hardLimit(limits: string, type: string): number | undefined {
  const line = limits.split("\n").find((line) => NAMES[type] && line.startsWith(NAMES[type]));
  const hard = line?.slice(NAMES[type].length).trim().split(/\s+/)[1];
  return hard === undefined || hard === "unlimited" ? undefined : Number(hard);
}
