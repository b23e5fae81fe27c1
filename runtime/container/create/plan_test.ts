/** A plan is made without a stage, starts nothing, and says what the init will do. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { S_IFDIR, S_IFREG } from "../../../ffi/constants.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { local } from "../../../ffi/local.ts";
import { setUp } from "../../../init/setup.ts";
import type { Spec } from "../../../spec/types.ts";
import { names, scripted, stat } from "../../../tests/lib/scripted.ts";
import { Log } from "../../host/log.ts";
import { type CreateOptions, planCreate } from "./plan.ts";

const SPEC: Spec = {
  ociVersion: "1.2.0",
  root: { path: "rootfs" },
  process: { args: ["/bin/true"], cwd: "/", user: { uid: 0, gid: 0 }, env: ["HOME=/", "PATH=/bin"] },
};

/** Runs work with a bundle whose config has some parts replaced. */
async function withBundle(
  change: Partial<Spec>,
  work: (options: CreateOptions) => Promise<void>,
): Promise<void> {
  const directory = Deno.makeTempDirSync();
  try {
    Deno.mkdirSync(`${directory}/rootfs`);
    Deno.writeTextFileSync(`${directory}/config.json`, JSON.stringify({ ...SPEC, ...change }));
    await work({
      root: `${directory}/root`,
      id: "box",
      bundle: directory,
      noPivot: false,
      noNewKeyring: false,
      preserveFds: 0,
      systemdCgroup: false,
      rootless: "auto",
      serviceManager: false,
      log: new Log({ format: "text", debug: false }),
    });
  } finally {
    Deno.removeSync(directory, { recursive: true });
  }
}

const NAMESPACES = { namespaces: [{ type: "pid" as const }, { type: "mount" as const }] };

/** Children of this process. */
const children = () => Deno.readTextFileSync(`/proc/self/task/${Deno.pid}/children`);

Deno.test("plan: nothing is made or started", () =>
  withBundle({ linux: NAMESPACES }, async (options) => {
    const before = children();
    const plan = await planCreate(local(), options);
    assertEquals(children(), before);
    assertEquals([...Deno.readDirSync(options.bundle)].map(({ name }) => name).sort(), [
      "config.json",
      "rootfs",
    ]);
    assertEquals([plan.state.id, plan.state.pid, plan.state.cgroupClaimed], ["box", 0, false]);
    assertEquals(plan.directory, `${options.root}/box`);
    assertEquals(Object.values(plan.cgroup.record.paths).some((path) => path.endsWith("box")), true);
  }));

Deno.test("plan: what the init is told is plain, and a dry kernel shows what it will do", () =>
  withBundle(
    { linux: { namespaces: [...NAMESPACES.namespaces, { type: "uts" }] }, hostname: "box" },
    async (options) => {
      const { setup } = await planCreate(local(), options);
      const functions = Object.values(setup).filter((value) => typeof value === "function");
      assertEquals(functions, []);
      const k = scripted({
        statx: (...args) => stat((args[1] === "/bin/true" ? S_IFREG : S_IFDIR) | 0o755)(...args),
        getcwd: (buffer) => {
          (buffer as { bytes: Uint8Array }).bytes[0] = 0x2f;
          return 2;
        },
      });
      setUp(k, setup, {
        nullStdio: [],
        channel: 202,
        arena: 200,
        groupsDenied: () => false,
        hostProcfs: () => 9,
      }, []);
      const calls = [
        "setsid",
        "keyctl",
        "open_tree",
        "mknodat",
        "pivot_root",
        "sethostname",
        "capset",
      ] as const;
      const order = calls.map((name) => names(k).indexOf(name));
      assertEquals(order, order.toSorted((a, b) => a - b));
      assert(!order.includes(-1));
    },
  ));

Deno.test("plan: features are those that the config asks for", () =>
  withBundle({ linux: NAMESPACES }, async (options) => {
    assertEquals((await planCreate(local(), options)).features, []);
    const socket = { ...options, pidfdSocket: "/nowhere" };
    const { features } = await planCreate(local(), socket);
    assertEquals(features.map(({ host }) => Object.keys(host ?? {})), [["known"]]);
  }));

Deno.test("plan: what cannot be had is refused before anything is done", async () => {
  await withBundle({ linux: NAMESPACES, root: { path: "missing" } }, async (options) => {
    await assertRejects(() => planCreate(local(), options), RuntimeError, "invalid rootfs");
  });
  const terminal = { ...SPEC.process, terminal: true };
  await withBundle({ linux: NAMESPACES, process: terminal }, async (options) => {
    await assertRejects(() => planCreate(local(), options), RuntimeError, "cannot allocate tty");
  });
});
