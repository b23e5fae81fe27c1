/**
 * dockerd with `--userns-remap` starts containers with tsrun: each has a user namespace. What docker wants of
 * /etc is in a mount namespace of the daemons, so that the machine's own files stay as they are.
 */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { host, until } from "../lib/process.ts";
import type { Daemons } from "./daemon.ts";
import { type Case, Docker, dockerMissing, RUNTIMES } from "./docker.ts";
import { runCases, testClient } from "./client.ts";

const USER = "tsrun-remap", FIRST = 400_000;

/** Files of /etc that name the user whose subordinate ids the containers get. */
const FILES: Record<string, string> = {
  passwd: `root:x:0:0::/root:/bin/sh\n${USER}:x:39999:39999::/:/bin/false\n`,
  group: `root:x:0:\n${USER}:x:39999:\n`,
  subuid: `${USER}:${FIRST}:65536\n`,
  subgid: `${USER}:${FIRST}:65536\n`,
};

/** Makes a mount namespace with these files, in which the daemons then run. */
async function remapIn(daemons: Daemons): Promise<void> {
  for (const [name, text] of Object.entries(FILES)) Deno.writeTextFileSync(`${daemons.dir}/${name}`, text);
  const mounts = Object.keys(FILES).map((name) => `mount --bind ${daemons.dir}/${name} /etc/${name}`);
  const script = [...mounts, `touch ${daemons.dir}/ready`, "exec sleep 3600"].join(" && ");
  const holder = daemons.spawn("holder", [
    "unshare",
    "--mount",
    "--propagation",
    "slave",
    "sh",
    "-c",
    script,
  ]);
  await until("the daemons' mount namespace", async () => (await host("ls", daemons.dir)).includes("ready"));
  daemons.prefix = ["nsenter", "--target", String(holder.pid), "--mount"];
}

const CASES: Record<string, Case> = {
  "remap: root of the container is nobody on the host": async (docker) => {
    const script = "id -u; cat /proc/self/uid_map /proc/self/gid_map; stat -c %u / /etc/passwd /dev/pts";
    const { code, stdout } = await docker.both("box", "sh", "-c", script);
    assertEquals(code, 0);
    const map = `\\s+0\\s+${FIRST}\\s+65536\\n`;
    assertMatch(stdout, new RegExp(`^0\\n${map}${map}0\\n0\\n0\\n$`));
  },

  "remap: streams, exit statuses, other users": async (docker) => {
    const script = "cat; id; echo err >&2; exit 5";
    const { code, stdout, stderr } = await docker.both("-u", "1000:1000", "box", "sh", "-c", script);
    assertEquals([code, stderr], [5, "err\n"]);
    assertMatch(stdout, /^uid=1000/);
  },

  "remap: volumes, limits, a read-only root": async (docker) => {
    const directory = `${docker.daemons.dir}/shared`;
    Deno.mkdirSync(directory, { recursive: true });
    Deno.chmodSync(directory, 0o777);
    const flags = [
      "--read-only",
      "-m",
      "64m",
      "--pids-limit",
      "50",
      "-v",
      `${directory}:/shared`,
      "--tmpfs",
      "/scratch",
    ];
    const script =
      "touch /scratch/a; echo x >/shared/$HOSTNAME && stat -c '%u' /shared/$HOSTNAME; touch /x; ls /proc/self/fd | wc -l";
    const { code, stdout, stderr } = await docker.both(...flags, "box", "sh", "-c", script);
    assertEquals([code, stdout], [0, "0\n4\n"]);
    assertMatch(stderr, /\/x: Read-only file system/);
    for (const { name } of Deno.readDirSync(directory)) {
      assertEquals(Deno.statSync(`${directory}/${name}`).uid, FIRST);
    }
  },

  "remap: a network, and its loopback": async (docker) => {
    const { stdout } = await docker.both("box", "sh", "-c", "ip -o link | grep -o 'lo: <[A-Z,_]*>\\|eth0'");
    assertMatch(stdout, /^lo: <LOOPBACK,UP,[A-Z_]*>\neth0\n/);
  },

  "remap: exec, top, kill, and a container that shares namespaces": async (docker) => {
    await docker.pair(["--ipc", "shareable", "box", "sleep", "100"], async (id, runtime) => {
      assertMatch(
        await docker.ok("exec", id, "cat", "/proc/self/uid_map"),
        new RegExp(`^0\\s+${FIRST}\\s+65536$`),
      );
      assertEquals(await docker.ok("exec", "-u", "7", id, "id", "-u"), "7");
      assertMatch(await docker.ok("top", id), /sleep 100/);
      const shared = await docker.container(
        runtime,
        "--network",
        `container:${id}`,
        "--ipc",
        `container:${id}`,
        "box",
        "id",
        "-u",
      );
      assertEquals([shared.code, shared.stdout], [0, "0\n"], shared.stderr);
      const { State: { Pid: pid } } = await docker.inspect(id);
      assertNotEquals(Deno.readLinkSync(`/proc/${pid}/ns/user`), Deno.readLinkSync("/proc/self/ns/user"));
      assertEquals(Deno.statSync(`/proc/${pid}`).uid, FIRST);
      await docker.ok("kill", id);
    });
  },

  "remap: --userns=host is none": async (docker) => {
    const { stdout } = await docker.both("--userns", "host", "box", "cat", "/proc/self/uid_map");
    assertMatch(stdout, /^\s+0\s+0\s+4294967295\n$/);
  },

  "remap: a terminal": async (docker) => {
    for (const runtime of RUNTIMES) {
      const terminal = docker.terminal([
        "run",
        "--rm",
        "-it",
        "--runtime",
        runtime,
        "box",
        "sh",
        "-c",
        "tty; id -u; exit 3",
      ]);
      await terminal.expect(/\/dev\/pts\/0\r\n0\r\n/);
      assertEquals(await terminal.wait(), 3);
    }
  },
};

const start = () => Docker.start("cgroupfs", ["--userns-remap", USER], remapIn);
testClient("docker --userns-remap", dockerMissing(), start, async (docker, t) => {
  assert((await docker.ok("info", "--format", "{{.SecurityOptions}}")).includes("name=userns"));
  await runCases(t, docker, CASES);
});
