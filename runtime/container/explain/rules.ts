/**
 * What a call of a dry run is for, in words, and the part of the config that asks for it.
 *
 * The rules are read from above; the first that fits counts. A test goes through whole containers and finds
 * calls that only the last rules fit.
 * @module
 */

import type { Spec } from "../../../spec/types.ts";
import type { DryCall } from "../../host/dry/dry_run.ts";
import type { Rule, RuleText } from "./rule.ts";
import { OF_HOOK_OUTPUT, OF_NETWORK, OF_SYSTEMD } from "./service_rules.ts";
import {
  deviceOf,
  limitOf,
  mountOf,
  namespaceOf,
  resourceOf,
  restrictedPath,
  sysctlOf,
} from "./config_paths.ts";

/** The kind of hooks that a call belongs to. */
function hookOf(_: RegExpExecArray, __: Spec, { process, stage }: DryCall): string {
  if (process.endsWith(" hooks")) return `hooks.${process.slice(0, -6)}`;
  if (stage === "container hooks") return "hooks.createContainer";
  return stage === "start" || stage === "program of records" ? "hooks.startContainer" : "hooks";
}

function affinityOf(_: RegExpExecArray, { process }: Spec): string {
  return process.execCPUAffinity === undefined ? "" : "process.execCPUAffinity";
}

/** The first words that stand in quotation marks. */
const PATH = /"((?:[^"\\]|\\.)*)"/;

/** Rules for tsrun's own calls. */
const OF_TSRUN: readonly Rule[] = [
  { call: /^posix_spawn/, words: "start a process of the runtime", config: "" },
  { call: /state\.json/, words: "keep the container's record", config: "" },
  { stage: "recorded", call: /config\.json/, words: "keep the config for later commands", config: "" },
  { call: /exec\.fifo/, words: "the file at which start is waited for", config: "" },
  { stage: "recorded", words: "make what belongs to the record", config: "" },
  { call: /\/(?:uid|gid)_map"/, words: "map the ids of the user namespace", config: "linux.uidMappings" },
  {
    call: /\/setgroups"/,
    words: "forbid to leave groups in the user namespace",
    config: "linux.gidMappings",
  },
  {
    call: /devices\.(?:allow|deny)|^bpf\(/,
    words: "say which devices may be used",
    config: "linux.resources.devices",
  },
  {
    stage: "cgroup",
    call: /"[^"]*\/cpuset\.[a-z]+"/,
    words: "give the cgroup CPUs and memory nodes",
    config: "linux.cgroupsPath",
  },
  { call: /freezer\.[a-z_]+"/, words: "see that no cgroup above is frozen", config: "linux.cgroupsPath" },
  {
    call: /"[^"]*\/([a-z]+\.[a-z_.]+)", O_WRONLY/,
    words: ([, file]) => `set ${file}`,
    config: ([, file], spec) => resourceOf(file, spec),
  },
  { stage: "resources", words: "make the group of Intel RDT", config: "linux.intelRdt" },
  { stage: "cgroup", words: "make the cgroup", config: "linux.cgroupsPath" },
  { stage: "root", words: "make a copy of the root to mount on", config: "root.path" },
  { call: /^statx\([012], "", /, words: "look at the standard streams", config: "" },
  { call: /^fchownat\([012], "", /, words: "give a standard stream to the user", config: "process.user.uid" },
  {
    call: /RLIMIT_NOFILE/,
    words: "limit the open files",
    config: (_, spec) => limitOf("RLIMIT_NOFILE", spec),
  },
  {
    call: /^prlimit64\(\d+, (\w+)/,
    words: ([, type]) => `set ${type}`,
    config: ([, type], spec) => limitOf(type, spec),
  },
  { stage: "created", call: /rename|write/, words: "write the pid file", config: "" },
  ...OF_HOOK_OUTPUT,
  ...OF_NETWORK,
  ...OF_SYSTEMD,
  { call: /^kill\(/, words: "end a process of the runtime", config: "" },
  { call: /^pidfd_/, words: "find the container's process, or end it", config: "" },
  { call: /^(?:socket|connect|setsockopt|sendmsg)\(/, words: "talk over the caller's socket", config: "" },
  { call: /\/proc\/\d+\//, words: "look at a process", config: "" },
  { call: /^(?:remove|unlinkat).*cgroup/, words: "remove the cgroup", config: "linux.cgroupsPath" },
  { call: /cgroup\.procs/, words: "see which processes are in the cgroup", config: "linux.cgroupsPath" },
  { call: /config\.json/, words: "read the config that was kept", config: "" },
  { call: /^(?:remove|unlinkat)/, words: "remove the container's directory", config: "" },
  {
    call: /^(?:mkdir|fchmod|chmod|flock|statx|openat)/,
    words: "the container's directory, and its lock",
    config: "",
  },
];

/** Rules for the stage, which is on the host. */
const OF_STAGE: readonly Rule[] = [
  { call: /^close_range/, words: "close the caller's other descriptors", config: "" },
  { call: /PR_SET_DUMPABLE/, words: "hide the process from others", config: "" },
  { call: /PR_SET_NAME/, words: "name the process", config: "" },
  { call: /oom_score_adj/, words: "set the OOM score", config: "process.oomScoreAdj" },
  { step: /oom_score_adj/, words: "set the OOM score", config: "process.oomScoreAdj" },
  {
    step: /enter the cgroup|container's cgroup|\/(?:tasks|cgroup\.procs)"/,
    words: "enter the cgroup",
    config: "linux.cgroupsPath",
  },
  {
    call: /^clone3\(\{flags=(?:CLONE_PARENT|CLONE_PARENT_SETTID|CLONE_INTO_CGROUP|\|)+[,}]/,
    words: "make the process that joins the container",
    config: "",
  },
  {
    call: /^clone3/,
    words: "make the namespaces, and the container's first process in them",
    config: "linux.namespaces",
  },
  {
    step: /join the (\w+) namespace/,
    words: ([all]) => all,
    config: ([, type], spec) => namespaceOf(type, spec),
  },
  { call: /^dup3/, words: "put a descriptor in its place", config: "" },
  { call: /^exit_group/, words: "end: its work is done", config: "" },
  { call: /^close/, words: "close what is not needed any more", config: "" },
  { step: /.+/, words: ([all]) => all, config: "linux.namespaces" },
];

/** Rules for the first process, and for those of an exec. */
const OF_INIT: readonly Rule[] = [
  { stage: "clone", call: /^clone/, words: "make the process", config: "" },
  {
    stage: "container hooks|start|program of records",
    call: /^(?:memfd_create|write|lseek|clone3|ppoll|waitid|pread64|pidfd_send_signal)/,
    words: "run the hooks",
    config: hookOf,
  },
  {
    stage: "container hooks",
    call: /^(?:fsopen|fsconfig|fsmount|openat|fchmod|dup3)/,
    words: "make the files that take what the hooks write",
    config: hookOf,
  },
  {
    stage: "clone|set up|process set up",
    words: "make its own line to tsrun the one it speaks through",
    config: "",
  },
  { call: /^setsid/, words: "begin a session", config: "" },
  { stage: "session", call: /^umask/, words: "clear the file mode creation mask", config: "" },
  {
    call: /^sched_setaffinity/,
    words: "let it run on all CPUs of its cgroup",
    config: affinityOf,
  },
  { stage: "session", call: /exec\.fifo/, words: "open the file that start is waited at", config: "" },
  { stage: "birth", words: "wait until its ids are mapped", config: "linux.uidMappings" },
  { stage: "clocks", words: "shift the clocks", config: "linux.timeOffsets" },
  {
    stage: "identity",
    words: "become root of the user namespace",
    config: (_, spec) => namespaceOf("user", spec),
  },
  { stage: "keyring|keyring label", words: "join a session keyring of the container's own", config: "" },
  {
    call: /^unshare\(CLONE_NEWCGROUP/,
    words: "make the cgroup namespace",
    config: (_, spec) => namespaceOf("cgroup", spec),
  },
  {
    step: /loopback/,
    words: ([all]) => all && "bring the loopback interface up",
    config: (_, spec) => namespaceOf("network", spec),
  },
  { process: "joiner", stage: "host", words: "open what it will want of the host", config: "" },
  { process: "joiner", stage: "root", words: "open the container's root", config: "root.path" },
  {
    stage: "root",
    call: /^(?:setns|getpid|pidfd_open)/,
    words: "enter the mount namespace anew: its root is the container's now",
    config: "root.path",
  },
  {
    stage: "namespaces",
    call: /"\/proc\/self\/ns\/net"/,
    words: "give tsrun its network namespace",
    config: "linux.netDevices",
  },
  { call: /^setns/, words: "join the namespaces", config: "linux.namespaces" },
  { step: /private procfs/, words: "open a procfs that only the kernel changes", config: "" },
  {
    stage: "rootfs",
    call: /^mount_setattr\(AT_FDCWD/,
    words: "cut the mounts off from the host's",
    config: "linux.rootfsPropagation",
  },
  { stage: "rootfs", words: "bind the root filesystem onto itself", config: "root.path" },
  {
    step: /^(?:error mounting .* to rootfs at .*: )?(mount .* to "((?:[^"\\]|\\.)*)" .*)$/,
    words: ([, mount]) => mount,
    config: ([, , destination], spec) => mountOf(destination, spec),
  },
  {
    stage: "mounts",
    call: /^mknodat\(\S+ "([^"]*)"/,
    words: ([, name]) => `make the device ${name}`,
    config: ([, name], spec) => deviceOf(name, spec),
  },
  {
    stage: "mounts",
    call: /^symlinkat\(\S+ \S+ "([^"]*)"/,
    words: ([, name]) => `link ${name} in /dev`,
    config: "",
  },
  { stage: "mounts", words: "fill /dev", config: "" },
  { stage: "root", words: "make the root filesystem the root, and drop the host's", config: "root.path" },
  { stage: "terminal", words: "make the terminal", config: "process.terminal" },
  { call: /^sethostname/, words: "set the hostname", config: "hostname" },
  { call: /^setdomainname/, words: "set the domainname", config: "domainname" },
  {
    stage: "parameters",
    call: /"sys\/([^"]+)"/,
    words: ([, path]) => `set the parameter ${path}`,
    config: ([, path], spec) => sysctlOf(path, spec),
  },
  { stage: "parameters", words: "set the kernel's parameters", config: "linux.sysctl" },
  {
    step: /^(mask|make) "((?:[^"\\]|\\.)*)"/,
    words: ([, act, path]) => act === "mask" ? `mask ${path}` : `make ${path} read-only`,
    config: ([, , path], spec) => restrictedPath(path, spec),
  },
  {
    stage: "paths",
    call: PATH,
    words: "look for the paths to mask, or to make read-only",
    config: ([, path], spec) => restrictedPath(path, spec),
  },
  { stage: "paths", words: "look for the paths to mask, or to make read-only", config: "linux.maskedPaths" },
  { stage: "working directory", words: "enter the working directory", config: "process.cwd" },
  { stage: "read-only mounts", words: "make a mount read-only", config: "mounts" },
  { stage: "read-only root", words: "make the root filesystem read-only", config: "root.readonly" },
  { stage: "home", words: "look the home directory up", config: "process.env" },
  { stage: "labels", words: "set the label", config: "process.apparmorProfile" },
  { call: /PR_SET_NO_NEW_PRIVS/, words: "gain no privileges by execve", config: "process.noNewPrivileges" },
  {
    stage: "attributes|scheduler",
    words: "set scheduler, priorities, memory policy, personality",
    config: "process.scheduler",
  },
  {
    call: /PR_CAPBSET_DROP/,
    words: "drop capabilities from the bounding set",
    config: "process.capabilities.bounding",
  },
  { call: /PR_CAP_AMBIENT/, words: "set the ambient capabilities", config: "process.capabilities.ambient" },
  { call: /^capset/, words: "set the capabilities", config: "process.capabilities" },
  { call: /^setgroups/, words: "set the additional groups", config: "process.user.additionalGids" },
  { call: /^setresgid/, words: "become the group", config: "process.user.gid" },
  { call: /^setresuid/, words: "become the user", config: "process.user.uid" },
  { call: /PR_SET_KEEPCAPS/, words: "keep capabilities while the user changes", config: "process.user.uid" },
  { call: /^umask/, words: "set the file mode creation mask", config: "process.user.umask" },
  { call: /^chdir|^getcwd/, words: "enter the working directory", config: "process.cwd" },
  { stage: "user|found", words: "give the standard streams the container's null device", config: "" },
  { call: /^seccomp/, words: "load the seccomp filter", config: "linux.seccomp" },
  {
    stage: "listener",
    words: "hand the filter's listener to its agent",
    config: "linux.seccomp.listenerPath",
  },
  { call: /^(?:statx|faccessat2)/, words: "look the program up", config: "process.args[0]" },
  {
    call: /^prlimit64\(\d+, (\w+)/,
    words: ([, type]) => `set ${type}`,
    config: ([, type], spec) => limitOf(type, spec),
  },
  { call: /^execve/, words: "become the program", config: "process.args" },
  { call: /^clone/, words: "make the process", config: "" },
  { stage: "root", words: "enter the container's root", config: "" },
  { call: /^mmap/, words: "cut the process off from tsrun: make its memory its own", config: "" },
  { call: /self\/fd\//, words: "open the file that start opens too: wait for it", config: "" },
  { call: /^write.*\b8\)$|^write.*&result/, words: "tell tsrun the pid", config: "" },
  { call: /^exit_group/, words: "end: its work is done", config: "" },
  { call: /^close/, words: "close what is not needed any more", config: "" },
  { call: /^getpid/, words: "show that it has begun", config: "" },
  { call: /^dup3/, words: "make its own line to tsrun the one it speaks through", config: "" },
  { call: /PR_SET_DUMPABLE/, words: "let its user look at it", config: "linux.namespaces" },
];

const OF_HOOKS: readonly Rule[] = [
  {
    process: "hook",
    call: /^execve\("([^"]*)"/,
    words: ([, path]) => `run the hook ${path}`,
    config: hookOf,
  },
  { process: "hook", words: "prepare to run the hook", config: hookOf },
  { words: "start a hook, and wait for it", config: hookOf },
];

/** The rules for a process. */
function rulesOf(process: string): readonly Rule[] {
  if (process === "tsrun") return OF_TSRUN;
  if (process === "stage") return OF_STAGE;
  return /^hook$|hooks$/.test(process) ? OF_HOOKS : OF_INIT;
}

/** What a call is for. */
export interface Purpose {
  /** One line. */
  words: string;
  /** Path in the config.json; empty where every container has the step. */
  config: string;
}

function textOf(text: RuleText, found: RegExpExecArray, spec: Spec, call: DryCall): string {
  return typeof text === "string" ? text : text(found, spec, call);
}

const ALL = /^/;

/** What a call is for; undefined where no rule fits. */
export function purposeOf(call: DryCall, spec: Spec): Purpose | undefined {
  for (const rule of rulesOf(call.process)) {
    if (rule.process && rule.process !== call.process) continue;
    if (rule.stage && !rule.stage.split("|").includes(call.stage)) continue;
    const found = rule.step ? rule.step.exec(call.step) : (rule.call ?? ALL).exec(call.call);
    if (found === null) continue;
    return { words: textOf(rule.words, found, spec, call), config: textOf(rule.config, found, spec, call) };
  }
  return undefined;
}
