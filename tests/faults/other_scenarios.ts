/**
 * Further commands that are swept: those that read, and those on hosts of other kinds.
 * @module
 */
import { lacksCgroupV1 } from "../lib/skip.ts";
import { PROBE } from "../lib/probe.ts";
import { readText } from "../lib/process.ts";
import { comparable, limitLines } from "./facts.ts";
import { lacksV2, onSystemd, onV2 } from "./hosts.ts";
import { NOT_READ, type Place } from "./place.ts";
import {
  CREATE,
  hasRun,
  isGone,
  mustBe,
  onlyInit,
  running,
  type Scenario,
  seen,
  SLEEPS,
  STAYS,
  told,
} from "./scenarios.ts";

const EXEC: Pick<Scenario, "settings" | "facts" | "failed"> = {
  settings: SLEEPS,
  facts: (place, { stdout }) => [...comparable(stdout, place.id), ...onlyInit(place)],
  failed: onlyInit,
};

function mountsFile(place: Place): string {
  const path = `${place.dir}/${place.id}.mounts`;
  const list = [{ destination: "/tmp", type: "tmpfs", source: "swept", options: ["size=64k"] }, {
    destination: "/tmp",
    type: "bind",
    source: place.bundle,
    options: ["bind", "ro"],
  }];
  Deno.writeTextFileSync(path, JSON.stringify(list));
  return path;
}

/** Mounts on /tmp of the container. */
function mountsOf(place: Place): string[] {
  const { pid } = JSON.parse(place.done("state", place.id));
  return readText(`/proc/${pid}/mountinfo`).split("\n").filter((line) => line.split(" ")[4] === "/tmp")
    .map((line) => line.split(" - ")[1].split(" ")[0]);
}

const READERS: readonly Scenario[] = [
  {
    name: "ps",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["ps", "--format", "json", place.id],
    facts: (_place, { stdout }) => [`${JSON.parse(stdout).length} processes`],
  },
  {
    name: "list",
    settings: SLEEPS,
    prepare: running,
    args: () => ["list", "--format", "json"],
    // As runc's does it goes on where it cannot read one, and says so in a line of its own.
    facts: (_place, { stdout, stderr }) =>
      stderr.startsWith(NOT_READ)
        ? ["running"]
        : JSON.parse(stdout).map(({ status }: { status: string }) => status),
  },
  {
    name: "events --stats",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["events", "--stats", place.id],
    facts: (_place, { stdout }) => Object.keys(JSON.parse(stdout).data).sort(),
  },
  {
    name: "mounts add",
    settings: SLEEPS,
    prepare: running,
    args: (place) => ["mounts", "add", place.id, mountsFile(place)],
    facts: mountsOf,
    // All of them or none.
    failed: (place) => mountsOf(place).length === 0 ? [] : [`${mountsOf(place).length} mounts are left`],
  },
  {
    name: "mounts remove",
    settings: SLEEPS,
    prepare(place) {
      running(place);
      place.done("mounts", "add", place.id, mountsFile(place));
    },
    args: (place) => ["mounts", "remove", place.id, mountsFile(place)],
    facts: mountsOf,
  },
];

/** Without limits of controllers that v1 may hold. */
const OF_V2 = {
  ...STAYS,
  linux: { ...STAYS.linux as object, resources: { devices: [{ allow: false, access: "rwm" }] } },
};
const SLEEPS_V2 = { ...OF_V2, process: SLEEPS.process };

function created(place: Place): string[] {
  mustBe(place, "created");
  if (hasRun(place, "command").length > 0) throw new Error("the program has run before start");
  place.done("start", place.id);
  return seen(place, told(place, "command"));
}

function onHost(
  name: string,
  host: Scenario["host"],
  [stays, sleeps]: readonly [Scenario["settings"], Scenario["settings"]],
  ...flags: string[]
): Scenario[] {
  const run = (place: Place) => void place.done(...flags, "run", "-d", "-b", place.bundle, place.id);
  return [
    {
      name: `create on ${name}`,
      host,
      settings: stays,
      args: (place) => [...flags, ...CREATE(place)],
      facts: created,
      failed: (place) => hasRun(place, "command"),
      undoes: true,
      leavesInit: true,
    },
    {
      ...EXEC,
      name: `exec on ${name}`,
      host,
      settings: sleeps,
      prepare: run,
      args: (place) => ["exec", place.id, ...PROBE],
    },
    {
      name: `delete --force on ${name}`,
      host,
      settings: sleeps,
      prepare: run,
      args: (place) => ["delete", "--force", place.id],
      facts: isGone,
    },
  ];
}

const BY_SYSTEMD = onHost("a host with systemd", onSystemd, [STAYS, SLEEPS], "--systemd-cgroup");

const ON_V2: readonly Scenario[] = [
  ...onHost("cgroup v2", onV2, [OF_V2, SLEEPS_V2]),
  {
    name: "pause on cgroup v2",
    host: onV2,
    settings: SLEEPS_V2,
    prepare: running,
    args: (place) => ["pause", place.id],
    facts: (place) => mustBe(place, "paused"),
  },
];

const UPDATE_BY_SYSTEMD: Scenario = {
  name: "update on a host with systemd",
  host: onSystemd,
  settings: SLEEPS,
  prepare: BY_SYSTEMD[1].prepare,
  args: (place) => ["update", "--pids-limit", "77", "--memory", "33554432", place.id],
  facts: (place) => limitLines(place.id),
};

/** See scenarios.ts. */
export const OTHER_SCENARIOS: readonly Scenario[] = READERS;
/** Those of other hosts, and why there is no such host; undefined where there is one. */
export const HOST_SCENARIOS: readonly (readonly [lacking: string | undefined, readonly Scenario[]])[] = [
  [lacksV2(), ON_V2],
  [lacksCgroupV1(), [...BY_SYSTEMD, UPDATE_BY_SYSTEMD]],
];
