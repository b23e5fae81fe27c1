/**
 * Containers without a mount namespace: they mount in the runtime's, and `delete` unmounts what they have
 * mounted.
 */
import { assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, MOUNTS, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk, type Container } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import type { Result } from "../lib/process.ts";

const LINUX = { namespaces: namespaces("pid", "ipc", "uts") };
const UNMOUNTS = "runc leaves what it has mounted, and makes the host's mounts slaves of themselves";

/**
 * Runs a script on a host of its own, whose mounts may be spoiled. `$R` is the runtime with its state root,
 * `$B` the bundle, `$I` the id; `mounts` counts the mounts below the bundle (others go when
 * another test removes what they lie on).
 */
function onHost(box: Box, container: Container, script: string): Promise<Result> {
  const head =
    `mounts() { grep -cF " $B/" /proc/self/mountinfo; }\nR="${box.runtime.path} --root ${box.root}"`;
  const names = `B=${container.bundle.dir}\nI=${container.id}\nbefore=$(mounts)`;
  const unshare = ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c"];
  const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin" };
  return box.command([...unshare, `${head}\n${names}\n${script}`], { env });
}

contract(
  "no mount namespace: mounts, devices and a read-only root are there, and go with the container",
  async (box) => {
    const script =
      "stat -c %F /dev/null; stat -f -c %T /t; readlink /dev/ptmx; touch /x 2>&1; touch /t/x && ls /t; ls /";
    const container = box.container({
      process: { args: sh(script) },
      root: { readonly: true },
      mounts: [MOUNTS.proc, MOUNTS.dev, MOUNTS.devpts, { destination: "/t", type: "tmpfs", source: "tmpfs" }],
      linux: LINUX,
    });
    const { stdout } = assertOk(
      await onHost(box, container, "$R run -b $B $I || exit 1; [ $(mounts) = $before ] && echo as before"),
    );
    assertEquals(
      stdout,
      "character special file\ntmpfs\npts/ptmx\ntouch: /x: Read-only file system\nx\n" +
        "bin\ndev\netc\nhome\nproc\nroot\nrun\nsys\nt\ntmp\nvar\nas before\n",
    );
  },
  { notOnReference: UNMOUNTS },
);

contract(
  "no mount namespace: exec finds the container's root, and delete --force unmounts all",
  async (box) => {
    const container = box.container({
      process: { args: ["/bin/sleep", "1000"] },
      mounts: [MOUNTS.proc, { destination: "/t", type: "tmpfs", source: "tmpfs", options: ["mode=700"] }],
      linux: LINUX,
    });
    const lines = [
      "$R run -d -b $B $I || exit 1",
      "echo $(($(mounts) - before))",
      "$R exec $I /bin/stat -c %a /t",
      "$R exec $I /bin/sh -c 'echo $(ls /)'",
      "$R delete --force $I && echo $(($(mounts) - before))",
    ];
    const { stdout } = assertOk(await onHost(box, container, lines.join("\n")));
    assertEquals(stdout, "3\n700\nbin dev etc home proc root run sys t tmp var\n0\n");
  },
  { notOnReference: UNMOUNTS },
);

contract("no mount namespace: a failed create unmounts what it has mounted", async (box) => {
  const container = box.container({
    mounts: [MOUNTS.proc, { destination: "/t", type: "nofs", source: "x" }],
    linux: LINUX,
  });
  const { stdout, stderr } = await onHost(
    box,
    container,
    "$R create -b $B $I; echo $? $(($(mounts) - before))",
  );
  assertEquals(stdout, "1 0\n");
  assertMatch(stderr, /no such device/);
}, { notOnReference: UNMOUNTS });

contract("no mount namespace: a mount of the user's on the rootfs stays", async (box) => {
  const container = box.container({ linux: LINUX, mounts: [MOUNTS.proc] });
  const lines = [
    "mount --bind $B/rootfs $B/rootfs",
    "before=$(mounts)",
    "$R create -b $B $I || exit 1",
    "echo $(($(mounts) - before))",
    "umount -l $B/rootfs",
    "$R delete --force $I && echo $(($(mounts) - before))",
  ];
  assertEquals(assertOk(await onHost(box, container, lines.join("\n"))).stdout, "2\n0\n");
}, { notOnReference: UNMOUNTS });

contract(
  "no mount namespace: a shared mount stays shared, and those who share it keep their mounts",
  async (box) => {
    const container = box.container({ linux: LINUX, mounts: [MOUNTS.proc], root: { readonly: true } });
    const lines = [
      "mount --make-rshared /",
      "shared() { grep -c shared: /proc/self/mountinfo; }",
      "old=$(shared)",
      "unshare --mount --propagation shared sleep 100 & peer=$!",
      "sleep 0.3",
      "other() { wc -l </proc/$peer/mountinfo; }",
      "beforehand=$(other)",
      "$R create -b $B $I || exit 1",
      "$R delete --force $I || exit 1",
      "echo $(($(shared) - old)) $(($(other) - beforehand))",
      "kill $peer",
    ];
    assertEquals(assertOk(await onHost(box, container, lines.join("\n"))).stdout, "0 0\n");
  },
  { notOnReference: UNMOUNTS },
);

contract("no mount namespace: nothing is mounted on the root of the host", async (box) => {
  const refused = async (overrides: Dict, pattern: RegExp) => {
    const container = box.container({ linux: LINUX, ...overrides });
    const { stdout, ...rest } = await onHost(box, container, "mount --rbind / /mnt; $R create -b $B $I");
    assertError({ ...rest, stdout }, pattern);
  };
  const lexical = /unable to (mount|make the root read-only) without a private MNT namespace/;
  await refused({ root: { path: "/" } }, lexical);
  await refused({ root: { path: "/", readonly: true }, mounts: [] }, lexical);
  await refused({ root: { path: "/mnt" } }, /the host's root can be mounted on in a mount namespace only/);
  await box.assertNothingLeft();
}, { notOnReference: "runc leaves the host with a second mount on its root" });

contract(
  "no mount namespace: the bundle may be the root filesystem, and all namespaces the host's",
  async (box) => {
    const container = box.container({
      root: { path: "." },
      process: { args: ["/bin/sleep", "1000"] },
      mounts: [MOUNTS.proc],
      linux: { namespaces: [] },
    });
    const lines = [
      "mv $B/rootfs/* $B",
      "$R create -b $B $I || exit 1",
      `pid=$($R state $I | tr -d ' ,"' | sed -n s/^pid://p)`,
      "for n in mnt pid net ipc uts user cgroup; do",
      "  [ $(readlink /proc/self/ns/$n) = $(readlink /proc/$pid/ns/$n) ] || echo other $n",
      "done",
      "$R delete --force $I && echo done",
    ];
    assertEquals(assertOk(await onHost(box, container, lines.join("\n"))).stdout, "done\n");
  },
);
