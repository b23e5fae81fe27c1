/** `configure` with the real clients: after it, and a reload, they run containers with tsrun. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ensurePrograms } from "../lib/go_programs.ts";
import { exists, readText, runCommand, until } from "../lib/process.ts";
import { pathUnderTest } from "../lib/runtime.ts";
import { skip } from "../lib/skip.ts";
import { testClient } from "./client.ts";
import { Daemons } from "./daemon.ts";
import { Docker, dockerMissing } from "./docker.ts";
import { Podman, podmanMissing } from "./podman.ts";

const TSRUN = pathUnderTest();

/** Runs `tsrun configure`, which must succeed; returns what it printed. */
async function configure(daemons: Daemons, ...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await daemons.command([TSRUN, "configure", ...args]);
  assertEquals(code, 0, stderr);
  return stdout;
}

const DAEMON_JSON = '{\n    "debug": false\n}\n';

/** dockerd with a configuration file of its own, in which there is no tsrun. */
function startDocker(): Promise<Docker> {
  const flags = ["--config-file", ""];
  return Docker.start(undefined, flags, (daemons) => {
    flags[1] = `${daemons.dir}/daemon.json`;
    Deno.writeTextFileSync(flags[1], DAEMON_JSON);
    return Promise.resolve();
  });
}

testClient("docker: configure", dockerMissing(), startDocker, async (docker, t) => {
  const file = docker.flags[1];
  const reload = async (format: string, wanted: RegExp) => {
    Deno.kill(docker.daemons.pids().dockerd, "SIGHUP");
    await until("the reload", async () => wanted.test(await docker.ok("info", "-f", format)), 20_000);
  };
  const run = (...flags: string[]) => docker.run("run", "--rm", ...flags, "box", "echo", "works");
  await t.step("run --runtime tsrun works after configure and a reload", async () => {
    assertMatch((await run("--runtime", "tsrun")).stderr, /nknown runtime|unknown or invalid runtime/i);
    await configure(docker.daemons, "docker", "--config-file", file);
    await reload("{{json .Runtimes}}", /"tsrun"/);
    const { code, stdout, stderr } = await run("--runtime", "tsrun");
    assertEquals([code, stdout], [0, "works\n"], stderr);
  });
  await t.step("--default is the runtime where none is named", async () => {
    await configure(docker.daemons, "docker", "--config-file", file, "--default");
    await reload("{{.DefaultRuntime}}", /^tsrun$/);
    assertEquals((await run()).stdout, "works\n");
  });
  await t.step("--remove takes it back, and the file is as it was", async () => {
    const text = await configure(docker.daemons, "docker", "--config-file", file, "--remove");
    // A reload is not enough: dockerd then keeps what it knows.
    assertMatch(text, /to take effect: systemctl restart docker/);
    assertEquals(readText(file), DAEMON_JSON);
  });
});

testClient("podman: configure", podmanMissing(), () => Podman.start(), async (podman, t) => {
  const { dir } = podman.daemons;
  // podman reads drop-in files in /etc only, and only where no file is named by CONTAINERS_CONF.
  const script = `set -e; cp -a /etc/containers ${dir}/etc; mount --bind ${dir}/etc /etc/containers; ` +
    `grep -v '^tsrun = ' ${dir}/containers.conf >/etc/containers/containers.conf; ` +
    `${TSRUN} configure podman "$TSRUN_DEFAULT" >&2; unset CONTAINERS_CONF; exec "$@"`;
  const within = (flag: string, ...args: string[]) =>
    podman.daemons.command([
      ...["/usr/bin/unshare", "-m", "--propagation", "private", "/usr/bin/env", `TSRUN_DEFAULT=${flag}`],
      ...["/bin/sh", "-c", script, "sh", ...podman.argv(args)],
    ]);
  await t.step("run --runtime tsrun works after configure", async () => {
    const args = podman.runArguments("tsrun", "--rm", "box", "echo", "works");
    const { code, stdout, stderr } = await within("--default=false", ...args);
    assertEquals([code, stdout], [0, "works\n"], stderr);
    Deno.removeSync(`${dir}/etc`, { recursive: true });
  });
  await t.step("--default is the runtime where none is named", async () => {
    const { code, stdout, stderr } = await within(
      "--default",
      "info",
      "--format",
      "{{.Host.OCIRuntime.Path}}",
    );
    assertEquals([code, stdout.trim()], [0, TSRUN], stderr);
  });
});

const containerdMissing = exists("/usr/bin/containerd") ? undefined : "/usr/bin/containerd is not installed";

/** What containerd makes of a configuration file. */
async function dump(dir: string, file: string, program = "/usr/bin/containerd"): Promise<string> {
  const argv = [program, "--config", file, "config", "dump"];
  const { code, stdout, stderr } = await runCommand(argv, { stdout: `${dir}/out`, stderr: `${dir}/err` }, {
    env: { PATH: "/usr/bin:/bin" },
  });
  assertEquals(code, 0, stderr);
  Deno.removeSync(`${dir}/out`);
  return stdout;
}

if (containerdMissing) skip("containerd: configure", containerdMissing);
else {
  Deno.test("containerd: configure", async () => {
    const daemons = new Daemons(), { dir } = daemons, file = `${dir}/config.toml`;
    try {
      const plugin = '[plugins."io.containerd.grpc.v1.cri"';
      Deno.writeTextFileSync(file, await dump(dir, "/dev/null"));
      const before = readText(file);
      assert(before.includes(`${plugin}.containerd.runtimes.runc]`), "the file has everything");
      await configure(daemons, "containerd", "--config-file", file, "--default");
      const after = await dump(dir, file);
      for (
        const part of [
          `BinaryName = "${TSRUN}"`,
          'default_runtime_name = "tsrun"',
          `${plugin}.containerd.runtimes.tsrun]`,
          `${plugin}.containerd.runtimes.runc]`,
        ]
      ) assert(after.includes(part), `${part} in\n${after}`);
      await configure(daemons, "containerd", "--config-file", file, "--remove");
      assertEquals(readText(file), before);
      // A file that says nothing about the plug-in leaves it its usual settings.
      Deno.writeTextFileSync(file, "version = 2\n");
      await configure(daemons, "containerd", "--config-file", file, "--default");
      assert((await dump(dir, file)).includes('default_runtime_name = "tsrun"'));
    } finally {
      await daemons.stop();
    }
  });
}

const programs = await ensurePrograms(["containerd"]);

if ("missing" in programs) skip("containerd 2: configure", programs.missing);
else {
  Deno.test("containerd 2: configure", async () => {
    const program = `${programs.dir}/containerd`, daemons = new Daemons(), { dir } = daemons;
    const file = `${dir}/config.toml`, plugin = "[plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes";
    try {
      const whole = (await dump(dir, "/dev/null", program)).replaceAll(
        "SystemdCgroup = false",
        "SystemdCgroup = true",
      );
      for (const before of ["version = 3\n", whole]) {
        Deno.writeTextFileSync(file, before);
        await configure(daemons, "containerd", "--config-file", file, "--default");
        assertEquals(exists(`${dir}/conf.d/tsrun.toml`), true);
        const after = await dump(dir, file, program);
        for (
          const part of [
            `BinaryName = '${TSRUN}'`,
            "default_runtime_name = 'tsrun'",
            `${plugin}.tsrun]`,
            `${plugin}.runc]`,
          ]
        ) assert(after.includes(part), `${part} in\n${after}`);
        const both = before === whole ? 2 : 0;
        assertEquals(after.split("SystemdCgroup = true").length - 1, both, "kubelet and all runtimes agree");
        await configure(daemons, "containerd", "--config-file", file, "--remove");
        assertEquals((await dump(dir, file, program)).includes("tsrun]"), false);
      }
    } finally {
      await daemons.stop();
    }
  });
}
