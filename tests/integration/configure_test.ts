/** `configure`: the files of clients, as far as no client is needed. tests/clients/ has the clients. */
import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";
import { exists, readText, type Result } from "../lib/process.ts";
import { asUser } from "../lib/rootless.ts";

const OURS: ContractOptions = { notOnReference: "runc has no command for it" };
const PROGRAM = ["--program", "/bin/true"];

function configure(box: Box, ...args: string[]): Promise<Result> {
  return box.cli(["configure", ...PROGRAM, ...args]);
}

/** Names of the copies of a file. */
function backups(directory: string): string[] {
  return [...Deno.readDirSync(directory)].map(({ name }) => name).filter((name) => name.endsWith(".bak"));
}

contract("configure docker: one change, a copy, a second time nothing, and back", async (box) => {
  const file = `${box.dir}/daemon.json`, before = '{\n\t"debug": true,\n\t"hosts": ["a"]\n}\n';
  Deno.writeTextFileSync(file, before, { mode: 0o640 });
  Deno.symlinkSync(file, `${box.dir}/link.json`);
  const docker = (...args: string[]) =>
    configure(box, "docker", "--config-file", `${box.dir}/link.json`, ...args);
  const dry = assertOk(await docker("--dry-run")).stdout;
  assertMatch(dry, /\n-\t"hosts": \["a"\]\n\+\t"hosts": \["a"\],\n[^]*nothing was changed \(--dry-run\)\n$/);
  assertEquals([readText(file), backups(box.dir)], [before, []]);

  const { stdout } = assertOk(await docker("--default"));
  assertStringIncludes(stdout, "to take effect: systemctl reload docker\nthen: docker run --runtime tsrun");
  assertEquals(JSON.parse(readText(file)), {
    ...{ debug: true, hosts: ["a"] },
    runtimes: { tsrun: { path: "/bin/true" } },
    "default-runtime": "tsrun",
  });
  assertEquals(readText(file).startsWith(before.slice(0, -3)), true);
  assertEquals([Deno.statSync(file).mode! & 0o777, Deno.lstatSync(`${box.dir}/link.json`).isSymlink], [
    0o640,
    true,
  ]);
  const [backup] = backups(box.dir);
  assertEquals(readText(`${box.dir}/${backup}`), before);

  assertEquals(assertOk(await docker("--default")).stdout, "docker: nothing to change\n");
  assertEquals(backups(box.dir), [backup]);
  assertOk(await docker("--remove"));
  assertEquals(readText(file), before);
  assertEquals(assertOk(await docker("--remove")).stdout, "docker: nothing to change\n");
}, OURS);

contract("configure docker: a file that is wrong is told in one line, and stays", async (box) => {
  const file = `${box.dir}/daemon.json`;
  for (
    const [text, words] of [
      ['{"debug": true,}', /daemon\.json: not JSON: .*; nothing was changed/],
      ["[]", /daemon\.json: must be a JSON object; nothing was changed/],
      ['{"runtimes": "x"}', /daemon\.json: runtimes: must be an object; nothing was changed/],
    ] as const
  ) {
    Deno.writeTextFileSync(file, text);
    const result = await configure(box, "docker", "--config-file", file);
    assertError(result, words);
    assertEquals(result.stderr.trim().split("\n").length, 1);
    assertEquals([readText(file), backups(box.dir)], [text, []]);
  }
  assertError(await configure(box, "docker", "--config-file", box.dir), /read \S+: is a directory/);
}, OURS);

contract("configure: JSON", async (box) => {
  const file = `${box.dir}/new/daemon.json`;
  const { stdout } = assertOk(await configure(box, "docker", "--config-file", file, "-f", "json"));
  const { files: [{ diff, ...change }], ...rest } = JSON.parse(stdout);
  assertEquals(change, { path: file, change: "created", backup: null });
  assertEquals(diff.startsWith("--- /dev/null\n+++ "), true);
  assertEquals(rest, {
    ...{ client: "docker", name: "tsrun", dryRun: false, changed: true, manifest: null },
    ...{ reload: "systemctl reload docker", notes: ["then: docker run --runtime tsrun ..."] },
  });
}, OURS);

contract("configure: without --program it is the program that runs", async (box) => {
  const file = `${box.dir}/daemon.json`;
  assertOk(await box.cli(["configure", "docker", "--config-file", file]));
  assertEquals(JSON.parse(readText(file)).runtimes.tsrun.path, Deno.realPathSync(box.runtime.path));
}, OURS);

contract("configure: the files of a user who is not root", async (box) => {
  const home = `${box.dir}/home`;
  Deno.mkdirSync(home);
  Deno.chmodSync(home, 0o777);
  const argv = ["/usr/bin/setpriv", ...asUser(), box.runtime.path, "configure", ...PROGRAM];
  const env = { HOME: home, PATH: "/usr/bin:/bin" };
  assertMatch(
    assertOk(await box.command([...argv, "docker"], { env })).stdout,
    /systemctl --user reload docker/,
  );
  assertEquals(exists(`${home}/.config/docker/daemon.json`), true);
  const other = { ...env, XDG_CONFIG_HOME: `${home}/other` };
  assertOk(await box.command([...argv, "podman", "--name", "mine"], { env: other }));
  assertMatch(
    readText(`${home}/other/containers/containers.conf.d/50-mine.conf`),
    /^# Written .*\n\[engine\.runtimes\]\nmine = \["\/bin\/true"\]\n$/,
  );
  assertError(await box.command([...argv, "docker"], { env: { PATH: env.PATH } }), /HOME is not set/);
}, OURS);

contract("configure containerd: version 3 by a drop-in file, and an import of it", async (box) => {
  const main = `${box.dir}/config.toml`, dropIn = `${box.dir}/conf.d/tsrun.toml`;
  const runc =
    `[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]\nSystemdCgroup = true\n`;
  Deno.writeTextFileSync(main, `version = 3\n${runc}`);
  const containerd = (...args: string[]) => configure(box, "containerd", "--config-file", main, ...args);
  assertOk(await containerd("--default"));
  assertEquals(readText(main), `version = 3\nimports = ["${box.dir}/conf.d/*.toml"]\n${runc}`);
  const text = readText(dropIn);
  assertMatch(text, /^# Written by "tsrun configure containerd".*\nversion = 3\n/);
  for (
    const part of [
      '[plugins."io.containerd.cri.v1.runtime".containerd]\n  default_runtime_name = "tsrun"\n',
      '.containerd.runtimes.tsrun]\n  runtime_type = "io.containerd.runc.v2"\n',
      '.tsrun.options]\n    BinaryName = "/bin/true"\n    SystemdCgroup = true\n',
    ]
  ) assertStringIncludes(text, part);
  assertEquals(assertOk(await containerd("--default")).stdout, "containerd: nothing to change\n");
  assertOk(await containerd("--remove"));
  assertEquals(exists(dropIn), false);
  Deno.writeTextFileSync(dropIn, "version = 3\n");
  assertError(await containerd(), /tsrun\.toml: was not written by configure .*; nothing was changed/);
}, OURS);

contract("configure crio: a drop-in file", async (box) => {
  const file = `${box.dir}/50-tsrun.conf`;
  assertOk(await configure(box, "crio", "--config-file", file, "--default"));
  assertMatch(
    readText(file),
    /^# .*\n\[crio\.runtime\]\ndefault_runtime = "tsrun"\n\n\[crio\.runtime\.runtimes\.tsrun\]\nruntime_path = "\/bin\/true"\nruntime_type = "oci"\nruntime_root = "\/run\/tsrun"\n$/,
  );
  assertOk(await configure(box, "crio", "--config-file", file, "--remove"));
  assertEquals(exists(file), false);
}, OURS);

contract("configure kubernetes: a RuntimeClass and a pod, printed", async (box) => {
  const { stdout } = assertOk(await box.cli(["configure", "kubernetes", "--name", "fast"]));
  assertMatch(
    stdout,
    /kind: RuntimeClass\nmetadata:\n {2}name: fast\nhandler: fast\n---\n[^]*runtimeClassName: fast\n/,
  );
  assertError(
    await box.cli(["configure", "kubernetes", "--default"]),
    /prints documents and changes no file/,
  );
}, OURS);

contract("configure: what it refuses", async (box) => {
  const refused = async (words: RegExp, ...args: string[]) =>
    assertError(await box.cli(["configure", ...args, "--config-file", `${box.dir}/none`]), words);
  await refused(/unknown client "rkt": want docker, containerd, crio, podman, kubernetes/, "rkt");
  await refused(/invalid --name "A b"/, "docker", "--name", "A b");
  await refused(/docker keeps the name "runc" for itself/, "docker", "--name", "runc");
  await refused(/--default and --remove exclude each other/, "docker", "--default", "--remove");
  await refused(
    /invalid --program "\/etc\/passwd": not an executable file/,
    "docker",
    "--program",
    "/etc/passwd",
  );
  await refused(/invalid --format value "xml"/, "docker", "--format", "xml");
  assertEquals(exists(`${box.dir}/none`), false);
}, OURS);
