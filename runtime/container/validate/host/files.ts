/**
 * Files of the bundle and of the host that the config names: the root filesystem, the program, hooks, the
 * socket of a seccomp agent.
 * @module
 */

import { cleanPath } from "../../../../spec/clean_path.ts";
import { HOOK_NAMES } from "../../../../spec/hook_names.ts";
import type { HostReport } from "../finding.ts";
import { type Question, withPaths } from "./check.ts";
import { kindInRoot } from "./in_root.ts";

/** The root filesystem is a directory. */
export function checkRootfs({ spec, host, bundle }: Question, report: HostReport): void {
  const { path = "" } = spec.root ?? {};
  if (path === "" || !path.startsWith("/") && bundle === undefined) return;
  const place = path.startsWith("/") ? path : `${bundle}/${path}`, kind = host.kind(place);
  if (kind === "directory") return;
  const rule = kind === undefined ? `there is no ${JSON.stringify(place)}` : "is not a directory";
  report("root.path", rule, "unpack an image there, or correct the path");
}

/** Where programs of the process may be: a mount may hide or bring any of them. */
const EMPTY_MOUNTS: readonly string[] = ["/dev", "/proc", "/sys"];

/** The program is in the root filesystem, as far as no mount covers its place. */
export function checkProgram(question: Question, report: HostReport): void {
  const { spec: { process = {}, mounts = [] } } = question, [name = ""] = process.args ?? [];
  if (name === "" || question.rootfs === undefined) return;
  const path = process.env?.findLast((it) => it.startsWith("PATH="))?.slice("PATH=".length) ?? "";
  const directories = path === "" ? [] : path.split(":");
  const candidates = (name.includes("/") ? [name] : directories.map((it) => `${it}/${name}`))
    .map((it) => it.startsWith("/") ? it : `${process.cwd ?? "/"}/${it}`).map(cleanPath);
  const covered = mounts.map(({ destination = "" }) => cleanPath(`/${destination}`))
    .filter((it) => !EMPTY_MOUNTS.some((empty) => it === empty || it.startsWith(`${empty}/`)));
  const unsure = (it: string) => covered.some((mount) => it === mount || it.startsWith(`${mount}/`));
  if (candidates.some(unsure)) return;
  const kinds = candidates.map((it) => kindInRoot(question, it));
  if (kinds.includes("program") || kinds.includes("unsure")) return;
  const rule = kinds.some((kind) => kind !== undefined)
    ? "is no program that can be executed"
    : name.includes("/")
    ? "is not in the root filesystem"
    : "is in no directory of the process's PATH";
  report("process.args[0]", rule, "correct the name, PATH in process.env, or the image");
}

/** The working directory is made where it is missing; what is there has to be a directory. */
export function checkCwd(question: Question, report: HostReport): void {
  const { cwd = "" } = question.spec.process ?? {};
  if (!cwd.startsWith("/") || question.rootfs === undefined) return;
  const kind = kindInRoot(question, cleanPath(cwd));
  if (kind === undefined || kind === "directory" || kind === "unsure") return;
  report("process.cwd", "is not a directory in the root filesystem", "name a directory");
}

/** Hooks of the host are there. `create` runs the first three kinds; a failed later one comes later. */
export function checkHooks({ spec, host }: Question, report: HostReport): void {
  for (const name of HOOK_NAMES) {
    if (name === "startContainer") continue;
    const late = name === "poststart" || name === "poststop";
    for (const [{ path = "" }, at] of withPaths(spec.hooks?.[name], `hooks.${name}`)) {
      const kind = host.kind(path);
      if (kind === "program" || !path.startsWith("/")) continue;
      const rule = kind === undefined ? "there is no such file" : "is no program that can be executed";
      report(`${at}.path`, rule, "install it, or remove the hook", late ? "dropped" : undefined);
    }
  }
}

/** The agent that answers notified system calls listens. */
export function checkAgent({ spec, host }: Question, report: HostReport): void {
  const { listenerPath = "", syscalls = [] } = spec.linux?.seccomp ?? {};
  if (listenerPath === "" || !syscalls.some(({ action }) => action === "SCMP_ACT_NOTIFY")) return;
  if (host.kind(listenerPath) === "socket") return;
  report("linux.seccomp.listenerPath", "there is no socket", "start the agent first");
}
