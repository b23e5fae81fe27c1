/** What would be done is told, and nothing is. Each file of tests has a `Deno` of its own: it stays dry. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { local } from "../../../ffi/local.ts";
import { plain } from "../../cli/colours.ts";
import { formatSteps } from "../../cli/explain_text.ts";
import { Log } from "../../host/log.ts";
import { explain } from "./explain.ts";
import { isPlumbing } from "./plumbing.ts";

const { makeTempDirSync, mkdirSync, writeTextFileSync, removeSync, readDirSync, readTextFileSync } = Deno;

const CONFIG = {
  ociVersion: "1.2.0",
  root: { path: "rootfs" },
  hostname: "box",
  process: { args: ["/bin/true"], cwd: "/", user: { uid: 7, gid: 8 }, env: ["HOME=/"] },
  mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
  linux: {
    namespaces: [{ type: "pid" }, { type: "mount" }, { type: "uts" }, { type: "user" }],
    uidMappings: [{ containerID: 0, hostID: Deno.uid() ?? 0, size: 1 }, {
      containerID: 7,
      hostID: 100_007,
      size: 9,
    }],
    gidMappings: [{ containerID: 0, hostID: Deno.gid() ?? 0, size: 1 }, {
      containerID: 7,
      hostID: 100_007,
      size: 9,
    }],
  },
};

const directory = makeTempDirSync();
mkdirSync(`${directory}/rootfs/bin`, { recursive: true });
writeTextFileSync(`${directory}/rootfs/bin/true`, "", { mode: 0o755 });
writeTextFileSync(`${directory}/config.json`, JSON.stringify(CONFIG));
const children = () => readTextFileSync(`/proc/self/task/${Deno.pid}/children`);
const before = children();
let left: string[] | undefined;
const steps = await explain(local(), "start", {
  ...{ root: `${directory}/state`, id: "box", bundle: directory, preserveFds: 0, systemdCgroup: false },
  ...{ noPivot: false, noNewKeyring: false, rootless: "true", serviceManager: false },
  log: new Log({ format: "text", debug: false }),
}, []).finally(() => {
  left = [...readDirSync(directory)].map(({ name }) => name).sort();
  removeSync(directory, { recursive: true });
});

Deno.test("explain: nothing is started or written", () => {
  assertEquals(children(), before);
  assertEquals(left, ["config.json", "rootfs"]);
});

Deno.test("explain: start lets the init become the program", () => {
  const init = steps.filter(({ process }) => process === "init");
  assertEquals(init.at(-1)!, {
    process: "init",
    stage: "program of records",
    step: "become the program",
    config: "process.args",
    calls: ['execve("/bin/true", ["/bin/true"], [1 variables])'],
  });
  assert(
    steps.some(({ process, calls }) => process === "tsrun" && calls.some((call) => /exec\.fifo/.test(call))),
  );
});

Deno.test("explain: as text, with colours for a terminal only", () => {
  const step = {
    process: "init",
    stage: "names",
    step: "set the hostname",
    config: "hostname",
    calls: ["a()"],
  };
  const bare = formatSteps([step, { ...step, stage: "user", config: "", step: "x\x1b" }], plain);
  const words = "set the hostname";
  assertEquals(
    bare,
    `init: names\n  ${words.padEnd(64)}hostname\n      a()\n\ninit: user\n  x\\u001b\n      a()\n`,
  );
  assertStringIncludes(formatSteps([step], (_, text) => `<${text}>`), "<init: names>\n");
});

Deno.test("explain: what only keeps tsrun going is left out", () => {
  const told = (process: string, name: string, call: string) => !isPlumbing({ process, name, call });
  assertEquals(told("tsrun", "sendto", "sendto(3, [8 bytes])"), false);
  assertEquals(
    told("tsrun", "read", 'openat(AT_FDCWD, "/proc/self/mountinfo", O_RDONLY), read, close'),
    false,
  );
  assertEquals(told("tsrun", "mkdir", 'mkdir("/run/tsrun/box", 0711)'), true);
  assertEquals(told("init", "close", "close(3)"), true);
});
