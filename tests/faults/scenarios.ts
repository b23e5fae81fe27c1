/**
 * The commands that are swept, each with what has to be there before, and what has to be true after.
 * @module
 */
import type { Dict } from "../lib/bundle.ts";
import { PROBE } from "../lib/probe.ts";
import { readText } from "../lib/process.ts";
import { comparable, limitLines } from "./facts.ts";
import type { Ended, Place } from "./place.ts";

/** A host of another kind than this machine. */
export interface FaultHost extends Disposable {
  /** What runs a command there. */
  within: readonly string[];
  /** The cgroup of its next container. */
  cgroupOf?: (place: Place) => string;
}

export interface Scenario {
  name: string;
  settings: Dict;
  /** Runs the commands; root when absent. */
  user?: number;
  /** The host that it runs on, where that is another. It lasts for one sweep. */
  host?: () => Promise<FaultHost>;
  /** Makes what the command works on. */
  prepare?: (place: Place) => void;
  /** The init waits for this command, and is swept with it. */
  opensGate?: boolean;
  args: (place: Place) => string[];
  /**
   * After success: facts that are the same each time. They are compared with those of a run without a fault.
   *
   * @throws Error for what is wrong by itself.
   */
  facts: (place: Place, ended: Ended) => string[];
  /** After a failure that tsrun has reported: what must not be. */
  failed?: (place: Place) => string[];
  /** A command that failed has left nothing of the container. */
  undoes?: boolean;
  /**
   * The init waits when the command has succeeded, and makes calls of its own then: a fault there only stops
   * the container.
   */
  leavesInit?: boolean;
}

const SLEEP = " exec sleep 1000";
const LIMITED: Dict = {
  memory: { limit: 64 << 20 },
  pids: { limit: 64 },
  cpu: { shares: 512, quota: 50_000, period: 100_000 },
  devices: [{ allow: false, access: "rwm" }],
};

/** Seccomp, limits, groups, masked paths: something of each step of the setup. */
function settings(args: string[]): Dict {
  return {
    process: {
      args,
      user: { uid: 0, gid: 0, additionalGids: [7, 11], umask: 0o27 },
      cwd: "/tmp",
      oomScoreAdj: 100,
      rlimits: [{ type: "RLIMIT_NOFILE", soft: 100, hard: 200 }, { type: "RLIMIT_CORE", soft: 0, hard: 0 }],
    },
    linux: {
      resources: LIMITED,
      maskedPaths: ["/proc/kcore", "/proc/timer_list", "/sys/firmware"],
      readonlyPaths: ["/proc/bus", "/proc/sys"],
      sysctl: { "net.ipv4.ip_forward": "1" },
      devices: [{ path: "/dev/fuse", type: "c", major: 10, minor: 229, fileMode: 0o666, uid: 0, gid: 0 }],
      seccomp: {
        defaultAction: "SCMP_ACT_ALLOW",
        syscalls: [{ names: ["swapon", "swapoff"], action: "SCMP_ACT_ERRNO", errnoRet: 1 }],
      },
    },
  };
}

/** A program that tells what it sees, and stays. */
export const STAYS: Dict = settings([...PROBE.slice(0, 2), `${PROBE[2]}${SLEEP}`]);
/** One that tells it, and ends. */
const ENDS = settings(PROBE);
export const SLEEPS: Dict = settings(["/bin/sleep", "1000"]);

export const HOOK = [{ path: "/bin/true", args: ["true"], timeout: 10 }];
/** The same in a user namespace, with hooks of all kinds but the last: other ways through the setup. */
const MAPPED: Dict = {
  ...STAYS,
  hooks: { prestart: HOOK, createRuntime: HOOK, createContainer: HOOK, startContainer: HOOK },
  linux: {
    ...(STAYS.linux as Dict),
    namespaces: ["user", "pid", "network", "ipc", "uts", "mount", "cgroup"].map((type) => ({ type })),
    uidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
    gidMappings: [{ containerID: 0, hostID: 100_000, size: 65_536 }],
  },
};

/** What the container's program has written, once it has written all. */
export function told(place: Place, name: string): string {
  const { stdout } = place.files(name);
  const end = performance.now() + 5000;
  for (;;) {
    const text = readText(stdout);
    if (text.includes("@@end")) return text;
    if (performance.now() > end) throw new Error(`the program has not run: ${JSON.stringify(text)}`);
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
  }
}

export function seen(place: Place, text: string): string[] {
  return [...comparable(text, place.id), ...limitLines(place.id)];
}

/** Fails unless the container has this status, soon. */
export function mustBe(place: Place, wanted: string): string[] {
  const end = performance.now() + 3000;
  let status = place.status();
  while (status !== wanted && performance.now() < end) status = place.status();
  if (status !== wanted) throw new Error(`the container is ${status ?? "gone"}, not ${wanted}`);
  return [];
}

export function running(place: Place): void {
  place.done("run", "--detach", "--bundle", place.bundle, place.id);
}

/** The program writes to the file of the command that made the container. */
export function hasRun(place: Place, name: string): string[] {
  return readText(place.files(name).stdout) === "" ? [] : ["the program has run"];
}

/** Fails where the container is still there. */
export function isGone(place: Place): string[] {
  if (place.status() !== undefined) throw new Error("the container is still there");
  return [];
}

export const CREATE = (place: Place): string[] => ["create", "--bundle", place.bundle, place.id];

/** Only the init is left of an exec that failed. */
export function onlyInit(place: Place): string[] {
  const end = performance.now() + 2000;
  while (place.processes().length > 1 && performance.now() < end);
  const left = place.processes().length;
  return left > 1 ? [`${left} processes are left in the container`] : [];
}

/** A flag that changes nothing, but that prepared commands do not know: the engine does the command. */
const BY_THE_ENGINE = "--rootless=auto";

/** A scenario, and the same by the engine where the command is prepared. */
function bothWays(scenario: Scenario): Scenario[] {
  const args = (place: Place) => [BY_THE_ENGINE, ...scenario.args(place)];
  return [scenario, { ...scenario, name: `${scenario.name} by the engine`, args }];
}

export const SCENARIOS: readonly Scenario[] = [
  {
    name: "create",
    settings: STAYS,
    args: CREATE,
    facts(place) {
      mustBe(place, "created");
      if (hasRun(place, "command").length > 0) throw new Error("the program has run before start");
      place.done("start", place.id);
      return seen(place, told(place, "command"));
    },
    failed: (place) => hasRun(place, "command"),
    undoes: true,
    leavesInit: true,
  },
  ...bothWays({
    name: "start",
    settings: STAYS,
    prepare: (place) => void place.done(...CREATE(place)),
    opensGate: true,
    args: (place) => ["start", place.id],
    facts: (place) => [...seen(place, told(place, "done-create")), ...mustBe(place, "running")],
    failed: (place) => hasRun(place, "done-create"),
  }),
  {
    name: "run",
    settings: ENDS,
    args: (place) => ["run", "--bundle", place.bundle, place.id],
    facts: (_place, { stdout }) => comparable(stdout, _place.id),
    undoes: true,
  },
  {
    name: "run --detach",
    settings: STAYS,
    args: (place) => ["run", "--detach", "--bundle", place.bundle, place.id],
    facts: (place) => [...seen(place, told(place, "command")), ...mustBe(place, "running")],
    undoes: true,
  },
  {
    name: "run --detach with a user namespace and hooks",
    settings: MAPPED,
    args: (place) => ["run", "--detach", "--bundle", place.bundle, place.id],
    facts: (place) => [...seen(place, told(place, "command")), ...mustBe(place, "running")],
    undoes: true,
  },
  {
    name: "exec",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["exec", place.id, ...PROBE],
    facts: (place, { stdout }) => [...comparable(stdout, place.id), ...onlyInit(place)],
    failed: onlyInit,
  },
  ...bothWays({
    name: "kill",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["kill", place.id, "KILL"],
    facts: (place) => mustBe(place, "stopped"),
  }),
  {
    name: "delete --force",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["delete", "--force", place.id],
    facts: isGone,
  },
  ...bothWays({
    name: "delete",
    settings: SLEEPS,
    prepare(place) {
      running(place);
      place.done("kill", place.id, "KILL");
      mustBe(place, "stopped");
    },
    args: (place) => ["delete", place.id],
    facts: isGone,
  }),
  {
    name: "pause",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["pause", place.id],
    facts: (place) => mustBe(place, "paused"),
  },
  {
    name: "resume",
    settings: SLEEPS,
    prepare(place) {
      running(place);
      place.done("pause", place.id);
    },
    args: (place) => ["resume", place.id],
    facts: (place) => mustBe(place, "running"),
  },
  {
    name: "update",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["update", "--pids-limit", "77", "--memory", "33554432", place.id],
    facts: (place) => limitLines(place.id),
  },
  ...bothWays({
    name: "state",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["state", place.id],
    facts: (_place, { stdout }) => [JSON.parse(stdout).status],
  }),
];
