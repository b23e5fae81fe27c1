/**
 * Rules of system call filters: runtime-spec `config-linux.md`, section Seccomp.
 *
 * Whether libseccomp and the kernel can do what is asked for is found when the filter is compiled.
 *
 * @module
 */
import { SECCOMP_ACTIONS, SECCOMP_ARCHS, SECCOMP_FLAGS, SECCOMP_OPERATORS } from "../seccomp.ts";
import { lookup } from "../tables.ts";
import type { Section } from "./section.ts";

/** Most arguments of a system call. */
const ARGUMENTS = 6;

/** Largest number that goes with an action: SECCOMP_RET_DATA has 16 bits. */
const ERRNO_MAX = 0xffff;

/** All rules of `linux.seccomp`. */
export function checkSeccomp(linux: Section): void {
  const seccomp = linux.object("seccomp");
  if (!seccomp || isDisabled(seccomp)) return;
  if (!seccomp.has("defaultAction")) {
    seccomp.fail("defaultAction", "string  is not a valid action for seccomp", "defaultAction is required");
  }
  const action = checkAction(seccomp, "defaultAction", "defaultErrnoRet");
  if (action === "SCMP_ACT_NOTIFY") {
    seccomp.fail("defaultAction", "SCMP_ACT_NOTIFY cannot be used as default action");
  }
  checkNames(seccomp, "architectures", SECCOMP_ARCHS, (it) => `string ${it} is not a valid arch for seccomp`);
  checkNames(seccomp, "flags", SECCOMP_FLAGS, (it) => `seccomp flag ${it} is not known to runc`);
  const listener = seccomp.string("listenerPath");
  if (seccomp.string("listenerMetadata") && !listener) {
    seccomp.fail("listenerMetadata", "must not be set without listenerPath");
  }
  let notifies = false;
  for (const rule of seccomp.objects("syscalls")) {
    notifies = checkRule(rule) === "SCMP_ACT_NOTIFY" || notifies;
  }
  if (notifies && !listener) seccomp.fail("listenerPath", "seccomp listenerPath is not set");
}

/** Neither a default action nor a rule: runc takes that for "no filter". */
function isDisabled(seccomp: Section): boolean {
  const { defaultAction, syscalls } = seccomp.value;
  return !defaultAction && (!syscalls || (Array.isArray(syscalls) && syscalls.length === 0));
}

function checkRule(rule: Section): string | undefined {
  rule.need("names", "action");
  const names = rule.strings("names");
  if (names?.length === 0) rule.fail("names", "must contain at least one name");
  const action = checkAction(rule, "action", "errnoRet");
  if (names?.includes("")) rule.fail("names", "empty string is not a valid syscall");
  if (action === "SCMP_ACT_NOTIFY" && names?.includes("write")) {
    rule.fail("names", "SCMP_ACT_NOTIFY cannot be used for the write syscall");
  }
  for (const argument of rule.objects("args")) {
    argument.need("index", "value", "op");
    argument.integer("index", 0, ARGUMENTS - 1);
    argument.integer64("value", "unsigned");
    argument.integer64("valueTwo", "unsigned");
    argument.name("op", SECCOMP_OPERATORS, (it) => `string ${it} is not a valid operator for seccomp`);
  }
  return action;
}

/** A known action, and an error number only where the action has one. */
function checkAction(section: Section, key: string, errnoKey: string): string | undefined {
  const action = section.name(key, SECCOMP_ACTIONS, (it) => `string ${it} is not a valid action for seccomp`);
  const errno = section.integer(errnoKey, 0, ERRNO_MAX);
  if (
    errno !== undefined && action !== undefined && action !== "SCMP_ACT_ERRNO" && action !== "SCMP_ACT_TRACE"
  ) {
    if (lookup(SECCOMP_ACTIONS, action) !== undefined) {
      section.fail(errnoKey, `action ${action} has no error number`);
    }
  }
  return action;
}

function checkNames(
  section: Section,
  key: string,
  table: Readonly<Record<string, number>>,
  reason: (name: string) => string,
): void {
  for (const [index, name] of section.strings(key)?.entries() ?? []) {
    if (lookup(table, name) === undefined) {
      section.failItem(key, index, reason(name), `one of ${Object.keys(table).join(", ")}`);
    }
  }
}
