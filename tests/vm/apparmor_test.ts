/** AppArmor profiles, on a kernel that enforces them: of a container's process, and of `exec`. */
import { assertEquals, assertMatch } from "@std/assert";
import { sh } from "../lib/bundle.ts";
import type { Container } from "../lib/container.ts";
import { assertError, assertOk } from "../lib/container.ts";
import type { Box } from "../lib/box.ts";
import { contract } from "../lib/contract.ts";
import { exec, execDocument, sleeper } from "../lib/exec.ts";
import { host } from "../lib/process.ts";
import { lacksAppArmor } from "../lib/skip.ts";

const options = { skip: lacksAppArmor(), timeout: 60_000 };

/** What a container may do by clients' default profiles, but for one write. */
const RULES = `
  file,
  capability,
  network,
  signal,
  ptrace,
  mount,
  umount,`;

/**
 * Loads two profiles for the time of a test: the first denies writes to /tmp/denied, the second allows them.
 */
async function withProfiles(box: Box, test: (strict: string, lax: string) => Promise<void>): Promise<void> {
  const name = `tsrun-${crypto.randomUUID().slice(0, 8)}`;
  const [strict, lax] = [`${name}-strict`, `${name}-lax`];
  const flags = "flags=(attach_disconnected,mediate_deleted)";
  const path = `${box.dir}/profiles`;
  Deno.writeTextFileSync(
    path,
    `profile ${strict} ${flags} {${RULES}\n  deny /tmp/denied w,\n}\nprofile ${lax} ${flags} {${RULES}\n}\n`,
  );
  await host("/usr/sbin/apparmor_parser", "--skip-cache", "--replace", path);
  try {
    await test(strict, lax);
  } finally {
    await host("/usr/sbin/apparmor_parser", "--skip-cache", "--remove", path);
  }
}

const CURRENT = ["cat", "/proc/self/attr/current"];

/** The profile that an exec'd process finds itself under. */
async function profileOf(container: Container, ...flags: string[]): Promise<string> {
  return assertOk(await exec(container, CURRENT, { flags })).stdout.trim();
}

contract("apparmor: the profile holds for the process, with no-new-privileges and without", async (box) => {
  await withProfiles(box, async (strict) => {
    const script =
      "cat /proc/self/attr/current; touch /tmp/allowed && echo allowed; touch /tmp/denied || echo denied";
    // A filter, as clients have one: it is loaded behind the profile.
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      syscalls: [{ names: ["sync"], action: "SCMP_ACT_ERRNO" }],
    };
    for (const [noNewPrivileges, uid] of [[true, 1000], [false, 0]]) {
      const user = { uid, gid: uid };
      const process = { args: sh(script), apparmorProfile: strict, noNewPrivileges, user };
      const result = assertOk(await box.container({ process, linux: { seccomp } }).run());
      assertEquals(result.stdout, `${strict} (enforce)\nallowed\ndenied\n`);
      assertMatch(result.stderr, /\/tmp\/denied: Permission denied/);
    }
  });
}, options);

contract(
  "apparmor: a profile that is not loaded is an error that names it, and nothing is left",
  async (box) => {
    const result = await box.container({ process: { apparmorProfile: "tsrun-no-such" } }).create();
    assertError(result, /apparmor failed to apply profile.*no such file or directory/);
    await box.assertNothingLeft();
  },
  options,
);

contract("apparmor: exec gets the container's profile, or the one that it names", async (box) => {
  await withProfiles(box, async (strict, lax) => {
    const container = await sleeper(box, { process: { apparmorProfile: strict } });
    assertEquals(await profileOf(container), `${strict} (enforce)`);
    assertEquals(await profileOf(container, "--apparmor", lax, "--no-new-privs"), `${lax} (enforce)`);
    assertEquals(await profileOf(container, "--apparmor", "unconfined"), "unconfined");
    const missing = await exec(container, CURRENT, { flags: ["--apparmor", "tsrun-no-such"] });
    assertError(missing, /apparmor failed to apply profile.*no such file or directory/, 255);
  });
}, options);

contract("apparmor: exec of a document that names no profile gets the container's", async (box) => {
  await withProfiles(box, async (strict, lax) => {
    const container = await sleeper(box, { process: { apparmorProfile: strict } });
    const process = { args: CURRENT, cwd: "/", env: ["PATH=/bin"], user: { uid: 1000, gid: 1000 } };
    assertEquals(await execDocument(container, process), `${strict} (enforce)\n`);
    assertEquals(await execDocument(container, { ...process, apparmorProfile: lax }), `${lax} (enforce)\n`);
  });
}, {
  ...options,
  notOnReference: "runc keeps no profile of the container's, and runs such a process under none",
});
