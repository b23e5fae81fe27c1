/** `docker run`: statuses, streams, volumes, networks, namespaces, devices. */
import { assert, assertEquals, assertMatch, assertNotEquals } from "@std/assert";
import { parseFacts, PROBE } from "../lib/probe.ts";
import { exists } from "../lib/process.ts";
import { BRIDGE_ADDRESS, type Case, type Docker, RUNTIMES } from "./docker.ts";

/** Cases by name; see docker_test.ts. */
export const RUN_CASES: Record<string, Case> = {
  "info: the runtime is registered": async (docker) => {
    assert(JSON.parse(await docker.ok("info", "--format", "{{json .Runtimes}}")).tsrun);
  },

  "run: prints hello": async (docker) => {
    const { code, stdout } = await docker.both("box", "echo", "hello");
    assertEquals([code, stdout], [0, "hello\n"]);
  },

  "run: exit statuses": async (docker) => {
    for (const code of [0, 3, 137]) {
      const result = await docker.both("box", "sh", "-c", `echo out; echo err >&2; exit ${code}`);
      assertEquals([result.code, result.stderr], [code, "err\n"]);
    }
  },

  "run: input": async (docker) => {
    for (const runtime of RUNTIMES) {
      const client = [
        "/usr/bin/docker",
        "-H",
        docker.socket,
        "run",
        "--rm",
        "-i",
        "--runtime",
        runtime,
        "box",
        "cat",
      ];
      const { stdout } = await docker.daemons.command(client, { stdin: "from outside\n" });
      assertEquals(stdout, "from outside\n", runtime);
    }
  },

  "run: a program that is missing, or none, gives docker's exit statuses": async (docker) => {
    const statuses = { "nonsense": 127, "/bin/nonsense": 127, "/etc/passwd": 126, "/etc": 126 };
    for (const [program, status] of Object.entries(statuses)) {
      assertEquals((await docker.both("box", program)).code, status, program);
    }
  },

  "run: a hostname": async (docker) => {
    const flags = ["--hostname", "a-name", "--domainname", "tests.example"];
    const { stdout } = await docker.both(...flags, "box", "sh", "-c", "hostname; cat /etc/hostname");
    assertMatch(stdout, /^a-name/);
  },

  "volumes: -v and --mount, read-only and not": async (docker) => {
    const dir = `${docker.daemons.dir}/volume`;
    Deno.mkdirSync(dir);
    Deno.writeTextFileSync(`${dir}/file`, "of the host\n");
    const attempt = (flags: string[]) =>
      docker.both(...flags, "box", "sh", "-c", "cat /v/file; touch /v/new 2>&1");
    for (const flags of [["-v", `${dir}:/v:ro`], ["--mount", `type=bind,src=${dir},dst=/v,readonly`]]) {
      assertEquals((await attempt(flags)).stdout, "of the host\ntouch: /v/new: Read-only file system\n");
      assert(!exists(`${dir}/new`));
    }
    for (
      const flags of [["-v", `${dir}:/v`], [
        "--mount",
        `type=bind,src=${dir},dst=/v,bind-propagation=private`,
      ]]
    ) {
      assertEquals((await attempt(flags)).stdout, "of the host\n");
      Deno.removeSync(`${dir}/new`);
    }
  },

  "volumes: a file, and a tmpfs": async (docker) => {
    const file = `${docker.daemons.dir}/one-file`;
    Deno.writeTextFileSync(file, "one file\n");
    assertEquals(
      (await docker.both("-v", `${file}:/etc/some-file:ro`, "box", "cat", "/etc/some-file")).stdout,
      "one file\n",
    );
    const script = "stat -c %a /t; df -k /t | tail -1 | awk '{print $2}'";
    const flags = ["--mount", "type=tmpfs,dst=/t,tmpfs-size=65536,tmpfs-mode=0700"];
    assertEquals((await docker.both(...flags, "box", "sh", "-c", script)).stdout, "700\n64\n");
  },

  "volumes: a named one gets the image's content": async (docker) => {
    const script = "cat /data/of-the-image; echo more >>/data/of-the-image";
    for (const runtime of RUNTIMES) {
      const run = () => docker.container(runtime, "-v", `volume-${runtime}:/data`, "box", "sh", "-c", script);
      assertEquals((await run()).stdout, "content\n", runtime);
      assertEquals((await run()).stdout, "content\nmore\n", runtime);
    }
  },

  "network: an address on the bridge, from which the host is reached": async (docker) => {
    const script = "ip -o -4 addr show eth0 | grep -o '172.30.211.[0-9]*/24';" +
      `ping -c 1 -W 2 ${BRIDGE_ADDRESS} >/dev/null && echo reached; ip route | grep -c default`;
    for (const runtime of RUNTIMES) {
      const { stdout, stderr } = await docker.container(
        runtime,
        "--network",
        "bridge",
        "box",
        "sh",
        "-c",
        script,
      );
      assertMatch(stdout, /^172\.30\.211\.\d+\/24\nreached\n1\n$/, `${runtime}: ${stderr}`);
    }
  },

  "network: none": async (docker) => {
    assertEquals(
      (await docker.both("--network", "none", "box", "sh", "-c", "ls /sys/class/net")).stdout,
      "lo\n",
    );
  },

  "namespaces of another container: --ipc, --network, --pid": async (docker) => {
    for (const runtime of RUNTIMES) await joinNamespaces(docker, runtime);
  },

  "--init: the process is not number 1, and orphans are reaped": async (docker) => {
    const script =
      "(sleep 0.1 &); while ps -o comm | grep -q '^sleep$'; do :; done; cat /proc/1/comm; [ $$ != 1 ] && echo child";
    const { stdout } = await docker.both("--init", "box", "sh", "-c", script);
    assertEquals(stdout, "docker-init\nchild\n");
  },

  "--device: no more than the given access": async (docker) => {
    const device = ["/dev/loop-control", "/dev/fuse"].find(exists);
    if (device === undefined) return; // a machine without any device that is not open to all containers
    const script = "stat -c '%F %a' /dev/mine; (: </dev/mine) && echo read; (: >/dev/mine) || echo no write";
    const { stdout } = await docker.both("--device", `${device}:/dev/mine:r`, "box", "sh", "-c", script);
    assertEquals(stdout, "character special file 600\nread\nno write\n");
  },

  "seccomp: docker's default profile is in force": async (docker) => {
    const script = "grep ^Seccomp: /proc/self/status; unshare -m true 2>&1; mount -t tmpfs x /tmp 2>&1";
    assertMatch((await docker.both("box", "sh", "-c", script)).stdout, /^Seccomp:\t2\n/);
  },
};

async function joinNamespaces(docker: Docker, runtime: typeof RUNTIMES[number]): Promise<void> {
  const id = await docker.detached(runtime, "--ipc", "shareable", "box", "sleep", "60");
  const pid = await docker.ok("inspect", "-f", "{{.State.Pid}}", id);
  const join = `container:${id}`;
  const flags = ["--ipc", join, "--network", join, "--pid", join];
  const facts = parseFacts((await docker.container(runtime, ...flags, "box", ...PROBE)).stdout);
  for (const name of ["ipc", "net", "pid"]) {
    assertEquals(facts.ns[name], Deno.readLinkSync(`/proc/${pid}/ns/${name}`), `${runtime}: ${name}`);
  }
  assertNotEquals(facts.ns.mnt, Deno.readLinkSync(`/proc/${pid}/ns/mnt`));
  await docker.ok("rm", "-f", id);
}
