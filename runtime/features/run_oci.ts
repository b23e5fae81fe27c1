/**
 * crun's annotations `run.oci.*`. Those that mean the same as a field or an option become that; the others
 * are done here.
 * @module
 */

import { SeccompFilter } from "../../ffi/libseccomp.ts";
import { RuntimeError } from "../../ffi/errors.ts";
import type { ProcessContext } from "../../init/process_steps.ts";
import { isSwitchedOn, keepsGroups, runOci } from "../../spec/run_oci.ts";
import { SECCOMP_ACTIONS, SECCOMP_ARCHS } from "../../spec/seccomp.ts";
import type { Spec } from "../../spec/types.ts";
import type { CreateFeature, CreateRequest, ExecFeature, ExecRequest, Request } from "./feature.ts";

/** Values of `run.oci.mount_context_type`: mount(8), "context". */
const CONTEXT_TYPES = ["context", "fscontext", "defcontext", "rootcontext"] as const;

/** Called before the other features, which see the changed request. */
export function forCreate(request: CreateRequest): CreateFeature {
  const { spec, namespaces } = request;
  takeSeccompReceiver(request);
  const socket = pathOf(spec, "pidfd_receiver");
  if (socket !== undefined) request.pidfdSocket ??= socket;
  if (isSwitchedOn(spec, "seccomp_fail_unknown_syscall")) checkCalls(spec);
  const keeps = keepsGroups(spec), labelType = contextType(spec);
  if (keeps && namespaces.joins.some(({ type }) => type === "user")) {
    throw wrong("keep_original_groups", "a user namespace that is joined leaves no groups to keep");
  }
  return {
    steps: () => ({
      birth: (setup) => void (setup.mounts.labelType = labelType),
      ...groupSteps(keeps),
    }),
  };
}

/** The annotations that concern every process. */
export function forExec(request: ExecRequest): ExecFeature {
  takeSeccompReceiver(request);
  return { steps: () => groupSteps(keepsGroups(request.spec)) };
}

/** setgroups(2) is left out as if it were denied. */
function groupSteps(keeps: boolean): { privileges?: (process: ProcessContext) => void } {
  return keeps ? { privileges: (process) => void (process.groupsDenied = true) } : {};
}

/** The agent for system calls, where the config names none. */
function takeSeccompReceiver({ spec }: Request): void {
  const receiver = pathOf(spec, "seccomp.receiver"), seccomp = spec.linux?.seccomp;
  if (receiver !== undefined && seccomp) seccomp.listenerPath ??= receiver;
}

function pathOf(spec: Spec, name: string): string | undefined {
  const path = runOci(spec, name);
  if (path !== undefined && !path.startsWith("/")) throw wrong(name, "must be an absolute path");
  return path;
}

function contextType(spec: Spec): typeof CONTEXT_TYPES[number] | undefined {
  const given = runOci(spec, "mount_context_type");
  if (given === undefined) return undefined;
  const type = CONTEXT_TYPES.find((type) => type === given);
  if (type === undefined) throw wrong("mount_context_type", `want one of ${CONTEXT_TYPES.join(", ")}`);
  return type;
}

/** Without the annotation a system call that libseccomp does not know is left out, as in runc. */
function checkCalls({ linux }: Spec): void {
  const names = (linux?.seccomp?.syscalls ?? []).flatMap((rule) => rule.names);
  if (names.length === 0) return;
  const arch = Deno.build.arch === "aarch64"
    ? SECCOMP_ARCHS.SCMP_ARCH_AARCH64
    : SECCOMP_ARCHS.SCMP_ARCH_X86_64;
  using filter = new SeccompFilter(SECCOMP_ACTIONS.SCMP_ACT_ALLOW, names);
  const unknown = names.filter((name) => filter.resolve(name, arch) === undefined);
  if (unknown.length === 0) return;
  throw new RuntimeError(
    "EINVAL_SECCOMP",
    `linux.seccomp: libseccomp does not know the system calls ${unknown.join(", ")}, ` +
      "and run.oci.seccomp_fail_unknown_syscall forbids to leave them out",
  );
}

function wrong(name: string, reason: string): RuntimeError {
  return new RuntimeError("EINVAL_ANNOTATION", `annotation run.oci.${name}: ${reason}`);
}
