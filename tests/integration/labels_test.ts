/** Labels on a host that enforces none: a container that relies on one is refused. */
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { exec, sleeper, writeDocument } from "../lib/exec.ts";

const enforced = ["/sys/module/apparmor", "/sys/fs/selinux"].filter((path) => {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
});
const options = { skip: enforced.length > 0 ? `this host has ${enforced.join(", ")}` : undefined };

contract("labels: a profile without AppArmor", async (box) => {
  const result = await box.container({ process: { apparmorProfile: "docker-default" } }).run();
  assertError(result, /unable to apply apparmor profile/);
}, options);

contract("labels: a process label without SELinux", async (box) => {
  const result = await box.container({ process: { selinuxLabel: "system_u:system_r:container_t:s0" } }).run();
  assertError(result, /selinux label is specified in config, but selinux is disabled or not supported/);
}, options);

contract("labels: a mount label without SELinux", async (box) => {
  const result = await box.container({ linux: { mountLabel: "system_u:object_r:container_file_t:s0" } })
    .run();
  assertError(result, /tmpfs|mountLabel/);
}, options);

contract("labels: exec with labels that nobody enforces", async (box) => {
  const container = await sleeper(box);
  const flags = [["--apparmor", "docker-default"], ["--process-label", "system_u:system_r:container_t:s0"]];
  for (const [flag, label] of flags) {
    const result = await exec(container, ["true"], { flags: [flag, label] });
    assertError(result, flag === "--apparmor" ? /apparmor/ : /selinux is disabled or not supported/, 255);
  }
  const document = { args: ["true"], cwd: "/", user: { uid: 0, gid: 0 }, apparmorProfile: "docker-default" };
  const result = await exec(container, [], { flags: ["--process", writeDocument(container, document)] });
  assertError(result, /apparmor/, 255);
}, options);
