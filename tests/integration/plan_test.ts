/** A plan of a create takes no rights: a user gets the plan of what only root can carry out. */
import { assertEquals } from "@std/assert";
import { inBox } from "../lib/contract.ts";
import { PATIENCE } from "../lib/process.ts";
import { asUser } from "../lib/rootless.ts";
import { runtimes } from "../lib/runtime.ts";

const TOP = new URL("../..", import.meta.url).pathname;
const [runtime] = runtimes();

const PROGRAM = `
import { LocalKernel } from "${TOP}ffi/local.ts";
import { planCreate } from "${TOP}runtime/container/create/plan.ts";
import { Log } from "${TOP}runtime/host/log.ts";
const [root, bundle] = Deno.args;
const log = new Log({ format: "text", debug: false });
const options = { root, id: "planned", bundle, log, preserveFds: 0, rootless: "false" as const };
const no = { noPivot: false, noNewKeyring: false, systemdCgroup: false, serviceManager: false };
const plan = await planCreate(new LocalKernel(), { ...options, ...no });
const { fresh } = plan.namespaces;
console.log(Deno.uid() === 0, plan.state.id, plan.setup.keyring, fresh.has("mount"), fresh.has("user"));
`;

Deno.test("plan: a user without rights plans a container that only root can make", () =>
  inBox(runtime, async (box) => {
    const { bundle } = box.container();
    Deno.chmodSync(box.dir, 0o755);
    const file = `${box.dir}/plan.ts`;
    Deno.writeTextFileSync(file, PROGRAM);
    // Deno has to be where the user can run it, and keeps what it has compiled elsewhere.
    const deno = `${box.dir}/deno`;
    Deno.copyFileSync(Deno.execPath(), deno);
    Deno.mkdirSync(`${box.dir}/cache`);
    Deno.chmodSync(`${box.dir}/cache`, 0o777);
    const program = [deno, "run", "-A", "--no-check", "--quiet", file, box.root, bundle.dir];
    const env = { DENO_DIR: `${box.dir}/cache`, PATH: "/usr/bin:/bin" };
    const result = await box.command(["/usr/bin/setpriv", ...asUser(), ...program], { env });
    assertEquals([result.code, result.stdout], [0, "false planned _ses.planned true false\n"], result.stderr);
    assertEquals([...Deno.readDirSync(box.dir)].some(({ name }) => name === "state"), false);
  }, 60_000 * PATIENCE));
