/**
 * Further commands that are swept: with terminals, hooks, and an agent of seccomp.
 * @module
 */
import { O_NONBLOCK } from "../../ffi/constants.ts";
import { EAGAIN } from "../../ffi/errno.ts";
import { local } from "../../ffi/local.ts";
import { type Dict, MOUNTS } from "../lib/bundle.ts";
import { PROBE } from "../lib/probe.ts";
import { UnixListener } from "../lib/unix_listener.ts";
import { comparable } from "./facts.ts";
import type { Place } from "./place.ts";
import {
  CREATE,
  hasRun,
  HOOK,
  mustBe,
  onlyInit,
  running,
  type Scenario,
  seen,
  SLEEPS,
  STAYS,
  told,
} from "./scenarios.ts";

/** fcntl(2) and open(2). */
const F_SETFL = 4, O_RDWR = 2;
/** errno(3): input/output error, of a terminal that no process has. */
const EIO = 5;
/** Milliseconds in which a descriptor comes, and what is written on a terminal. */
const PATIENCE = 5000;
const SIZE = 1 << 16;

/** The socket that the command of a place sends a descriptor to, and what it has sent. */
interface Socket {
  listener: UnixListener;
  fds: number[];
}
const sockets = new Map<Place, Socket>();

/** Makes a socket for the next command, and closes the one before with what came through it. */
function listen(place: Place, path: string): void {
  const old = sockets.get(place);
  old?.listener[Symbol.dispose]();
  for (const fd of old?.fds ?? []) local().close(fd);
  sockets.set(place, { listener: new UnixListener(path), fds: [] });
}

const consoleOf = (place: Place) => `${place.dir}/${place.id}.console`;

/** The descriptor that came. Nothing needs to take it while the command runs: the kernel keeps it. */
function taken(place: Place): number {
  const { listener, fds } = sockets.get(place)!;
  for (const end = performance.now() + PATIENCE; fds.length === 0 && performance.now() < end;) {
    fds.push(...listener.poll()?.fds ?? []);
  }
  if (fds.length !== 1) throw new Error(`${fds.length} descriptors have come`);
  return fds[0];
}

/** What the probe has written on its terminal. */
function onTerminal(place: Place): string {
  const k = local(), master = taken(place), end = performance.now() + PATIENCE;
  k.call("fcntl", [master, F_SETFL, O_RDWR | O_NONBLOCK]);
  let text = "";
  while (!text.includes("@@end")) {
    if (performance.now() > end) throw new Error(`on the terminal: ${JSON.stringify(text)}`);
    k.scratch(() => {
      const buffer = k.buffer(SIZE);
      const got = k.call("read", [master, buffer, SIZE], { allow: [EAGAIN, EIO] }).wait();
      if (got > 0) text += buffer.text(got);
    });
  }
  return text.replaceAll("\r\n", "\n");
}

function onTty(settings: Dict): Dict {
  return { ...settings, process: { ...settings.process as Dict, terminal: true } };
}

/** Listens for agents of seccomp. The path is in the config. */
const AGENT = `/tmp/tsrun-fault-agent-${Deno.pid}.socket`;

function removeAgent(): void {
  try {
    Deno.removeSync(AGENT);
  } catch { /* there is none */ }
}
globalThis.addEventListener("unload", removeAgent);

const NOTIFIED: Dict = {
  ...STAYS,
  linux: {
    ...STAYS.linux as Dict,
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW",
      listenerPath: AGENT,
      syscalls: [{ names: ["swapon"], action: "SCMP_ACT_NOTIFY" }],
    },
  },
};

/** No other process of the machine has this user. */
const USER = 20_077;
/** What a user may ask for: no groups, no limits, no devices of its own. */
const ROOTLESS: Dict = {
  process: { ...STAYS.process as Dict, user: { uid: 0, gid: 0, umask: 0o27 } },
  mounts: [MOUNTS.proc, MOUNTS.dev, { ...MOUNTS.devpts, options: ["newinstance", "ptmxmode=0666"] }],
  linux: {
    ...STAYS.linux as Dict,
    cgroupsPath: undefined,
    resources: undefined,
    devices: [],
    namespaces: ["user", "pid", "network", "ipc", "uts", "mount"].map((type) => ({ type })),
    uidMappings: [{ containerID: 0, hostID: USER, size: 1 }],
    gidMappings: [{ containerID: 0, hostID: USER, size: 1 }],
  },
};

/** See scenarios.ts. */
export const MORE_SCENARIOS: readonly Scenario[] = [
  {
    name: "create with a terminal",
    settings: onTty(STAYS),
    prepare: (place) => listen(place, consoleOf(place)),
    args: (
      place,
    ) => [...CREATE(place).slice(0, 1), "--console-socket", consoleOf(place), ...CREATE(place).slice(1)],
    facts(place) {
      mustBe(place, "created");
      place.done("start", place.id);
      return seen(place, onTerminal(place));
    },
    undoes: true,
    leavesInit: true,
  },
  {
    name: "exec with a terminal",
    settings: SLEEPS,
    prepare(place) {
      listen(place, consoleOf(place));
      running(place);
    },
    args: (place) => ["exec", "--detach", "--tty", "--console-socket", consoleOf(place), place.id, ...PROBE],
    facts: (place) => [...comparable(onTerminal(place), place.id), ...onlyInit(place)],
    failed: onlyInit,
  },
  {
    name: "create with an agent of seccomp",
    settings: NOTIFIED,
    prepare(place) {
      removeAgent();
      listen(place, AGENT);
    },
    args: CREATE,
    facts(place) {
      mustBe(place, "created");
      if (hasRun(place, "command").length > 0) throw new Error("the program has run before start");
      // The agent has the filter's listener before the program runs.
      place.done("start", place.id);
      taken(place);
      return seen(place, told(place, "command"));
    },
    failed: (place) => hasRun(place, "command"),
    undoes: true,
    leavesInit: true,
  },
  {
    name: "run --detach of a user",
    user: USER,
    settings: ROOTLESS,
    args: (place) => ["run", "--detach", "--bundle", place.bundle, place.id],
    facts: (place) => [...seen(place, told(place, "command")), ...mustBe(place, "running")],
    undoes: true,
  },
  {
    name: "exec of a user",
    user: USER,
    settings: { ...ROOTLESS, process: { ...ROOTLESS.process as Dict, args: ["/bin/sleep", "1000"] } },
    prepare: running,
    args: (place) => ["exec", place.id, ...PROBE],
    facts: (place, { stdout }) => [...comparable(stdout, place.id), ...onlyInit(place)],
    failed: onlyInit,
  },
  {
    name: "start with hooks",
    settings: { ...STAYS, hooks: { startContainer: HOOK, poststart: HOOK } },
    prepare: (place) => void place.done(...CREATE(place)),
    args: (place) => ["start", place.id],
    facts: (place) => [...seen(place, told(place, "done-create")), ...mustBe(place, "running")],
    // A poststart hook that fails ends the container.
    failed: (place) => place.status() === "running" ? ["the container runs"] : [],
  },
  {
    name: "delete with hooks",
    settings: { ...SLEEPS, hooks: { poststop: HOOK } },
    prepare: running,
    args: (place) => ["delete", "--force", place.id],
    facts(place) {
      if (place.status() !== undefined) throw new Error("the container is still there");
      return [];
    },
  },
];
