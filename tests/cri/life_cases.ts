/**
 * Pods and their containers, as a kubelet runs them by the CRI: sandbox, exec, attach, port forwarding, logs,
 * figures, limits, end. Each case does the same under runc, and compares all that can be seen.
 */
import { assert, assertEquals, assertMatch, equal } from "@std/assert";
import { findCgroups } from "../lib/leaks.ts";
import { exists, readText, until } from "../lib/process.ts";
import type { Handler } from "./config.ts";
import { type Cri, type CriCase, MODE } from "./cri.ts";

/** 1 MiB in bytes. */
export const MIB: number = 1 << 20;

/** A container that lives until it is stopped, which it does at once, and takes no time until then. */
export const WAITS = "trap 'kill $!; exit 0' TERM; sleep 7777 & wait";

/**
 * A container that takes 64 MiB when it is told to, and ends with the status of what took it when it is told
 * again. containerd watches for the end of memory from a moment after the start on, as long as there is the
 * cgroup, so neither may be over at once.
 */
const EATS = [
  "until [ -e /tmp/eat ]; do sleep 0.1; done",
  "dd if=/dev/zero of=/dev/null bs=64M count=1",
  "status=$?",
  "until [ -e /tmp/end ]; do sleep 0.1; done",
  "exit $status",
].join("; ");

/** By what they show. */
export const LIFE: Readonly<Record<string, CriCase>> = {
  "a pod of two containers shares its network, IPC and host name, not its processes": (cri) =>
    cri.both(async (handler) => {
      const apart = { security_context: { namespace_options: { pid: MODE.CONTAINER } } };
      const pod = await cri.pod(handler, apart);
      // A list in a file, as a pipe's second program may or may not be in it.
      const list = "ps >/tmp/list; wc -l </tmp/list";
      const look = `hostname; for n in net ipc uts mnt pid; do readlink /proc/self/ns/$n; done; ${list}`;
      // Both live until they are compared: a namespace's number is given to the next when it ends.
      const living = `${look}; ${WAITS}`;
      const ids = [await cri.container(pod, living, apart), await cri.container(pod, living, apart)];
      const [one, two] = await Promise.all(ids.map((id) => cri.lines(id, 7)));
      await cri.remove(pod);
      assertEquals(one.slice(0, 4), two.slice(0, 4));
      assert(one[4] !== two[4] && one[5] !== two[5], `${one}`);
      return [one[0], one[6], two[6]];
    }),

  "the logs of a container are in the form of the CRI, both streams apart": (cri) =>
    cri.both(async (handler) => {
      const id = await cri.container(await cri.usual(handler), "echo out; echo err >&2; exit 3");
      await cri.ended(id);
      const { exitCode, reason, state } = await cri.status(id);
      const lines = cri.logFile(id).replace(/^\S+ /gm, "").split("\n").sort();
      await cri.drop(id);
      assertEquals(lines, ["", "stderr F err", "stdout F out"]);
      return [exitCode, reason, state];
    }),

  "execsync answers with output and status, and ends at its time limit": (cri) =>
    cri.both(async (handler) => {
      const id = await cri.container(await cri.usual(handler), WAITS);
      assertEquals(await cri.ok("exec", "-s", id, "echo", "in"), "in");
      const plain = await cri.crictl("exec", "-s", id, "sh", "-c", "echo in; echo bad >&2; exit 5");
      const late = await cri.crictl("exec", "-s", "--timeout", "1", id, "sleep", "3333");
      assert(late.code !== 0);
      assertMatch(late.stderr, /timeout 1s exceeded|DeadlineExceeded/);
      await until("the end of what was late", async () => {
        return !(await cri.ok("exec", "-s", id, "ps")).includes("sleep 3333");
      });
      const none = await cri.crictl("exec", "-s", id, "/nothing");
      await cri.drop(id);
      assert(none.code !== 0);
      assertMatch(none.stderr, /no such file or directory/);
      assertMatch(plain.stderr, /exited with 5|exit (code|status) 5/);
      return plain.code;
    }),

  "exec streams input and output, with a terminal and without": (cri) =>
    cri.both(async (handler) => {
      const id = await cri.container(await cri.usual(handler), WAITS);
      const words = cri.words("exec", "-i", id, "sh", "-c", "read a; echo got $a; exit 4");
      const plain = await cri.daemons.command(words, { stdin: "hello\n" });
      const terminal = cri.terminal("exec", "-i", "-t", id, "sh");
      await terminal.expect(/[#$] /);
      await terminal.line("tty; echo $((40+2))", /\/dev\/pts\/0[^]*42/);
      await terminal.type("exit 6\n");
      const code = await terminal.wait();
      await cri.drop(id);
      return [plain.stdout, plain.code !== 0, code !== 0];
    }),

  "attach reaches the standard input of a container": (cri) =>
    cri.both(async (handler) => {
      const pod = await cri.usual(handler);
      const id = await cri.container(pod, "read a; echo attached $a", {}, { stdin: true, stdin_once: true });
      await cri.daemons.command(cri.words("attach", "-i", id), { stdin: "words\n" });
      const output = await cri.output(id);
      await cri.drop(id);
      return output;
    }),

  "a port of the pod is forwarded": (cri) =>
    cri.both(async (handler) => {
      const pod = await cri.usual(handler);
      const script = "echo page >/tmp/index.html; exec busybox httpd -f -p 8080 -h /tmp";
      const id = await cri.container(pod, script);
      const port = await forward(cri, pod.id, handler);
      const page = await until("an answer", async () => {
        return await fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text()).catch(() =>
          undefined
        );
      }, 20_000);
      await cri.drop(id);
      return page;
    }),

  "figures of a container, and limits that change": (cri) =>
    cri.both(async (handler) => {
      const resources = { memory_limit_in_bytes: 64 * MIB, cpu_quota: 50_000, cpu_period: 100_000 };
      const id = await cri.container(await cri.usual(handler), WAITS, { resources });
      const pid = await initOf(cri, id);
      const before = limits(pid);
      await cri.ok("update", "--memory", String(32 * MIB), "--cpu-quota", "20000", id);
      const after = limits(pid);
      const figures = await until("figures", async () => {
        const { stats } = JSON.parse(await cri.ok("stats", "-o", "json", id));
        return Number(stats[0]?.memory?.workingSetBytes?.value ?? 0) > 0 ? stats[0] : undefined;
      }, 20_000);
      assert(Number(figures.cpu.usageCoreNanoSeconds.value) > 0);
      await cri.drop(id);
      assertEquals([before, after], [[64 * MIB, 50_000], [32 * MIB, 20_000]]);
    }),

  "a container that takes more memory than it may have is reported as OOMKilled": (cri) =>
    cri.both(async (handler) => {
      const resources = { memory_limit_in_bytes: 16 * MIB, memory_swap_limit_in_bytes: 16 * MIB };
      const id = await cri.container(await cri.usual(handler), EATS, { resources });
      const root = `/proc/${await initOf(cri, id)}/root`;
      Deno.writeTextFileSync(`${root}/tmp/eat`, "");
      await until("the reason", async () => (await cri.status(id)).reason === "OOMKilled", 20_000);
      Deno.writeTextFileSync(`${root}/tmp/end`, "");
      await cri.ended(id);
      const { reason, exitCode } = await cri.status(id);
      await cri.drop(id);
      assertEquals([reason, exitCode], ["OOMKilled", 137]);
    }),

  "stop waits as long as it is told, then kills": (cri) =>
    cri.both(async (handler) => {
      const pod = await cri.usual(handler);
      const polite = await cri.container(pod, `trap 'kill $!; exit 0' TERM; sleep 7777 & echo; wait`);
      const deaf = await cri.container(pod, "trap '' TERM; echo; exec sleep 7777");
      // A line tells that the trap is set.
      for (const id of [polite, deaf]) await cri.lines(id, 1);
      await cri.ok("stop", "--timeout", "60", polite);
      const begin = performance.now();
      await cri.ok("stop", "--timeout", "1", deaf);
      assert(performance.now() - begin >= 1000);
      const codes = [(await cri.status(polite)).exitCode, (await cri.status(deaf)).exitCode];
      await cri.drop(polite, deaf);
      assertEquals(codes, [0, 137]);
    }),

  "pods, one after the other: network namespaces, cgroups and mounts go with them": async (cri) => {
    const before = await leftovers(cri);
    // A pod of an emulated machine takes its ten seconds.
    for (let round = 0; round < (cri.manager === "systemd" ? 2 : 8); round++) {
      const pod = await cri.pod("tsrun");
      await cri.container(pod, WAITS);
      // No container is stopped first: the kubelet's way to remove a node's pods.
      await cri.remove(pod);
    }
    await nothingBut(cri, before);
  },

  "pods at once, of both handlers": async (cri) => {
    const before = await leftovers(cri);
    const count = cri.manager === "systemd" ? 4 : 6;
    await Promise.all(Array.from({ length: count }, async (_, index) => {
      const pod = await cri.pod(index % 2 ? "runc" : "tsrun");
      assertEquals(await cri.output(await cri.container(pod, `echo ${index}`)), `${index}`);
      await cri.remove(pod);
    }));
    await nothingBut(cri, before);
  },
};

/** Starts `crictl port-forward` on a free port. @returns The port. */
async function forward(cri: Cri, pod: string, handler: Handler): Promise<number> {
  const name = `forward-${handler}`;
  cri.daemons.spawn(name, cri.words("port-forward", pod, "0:8080"));
  return await until("the port", () => {
    const found = /Forwarding from 127\.0\.0\.1:(\d+)/.exec(readText(`${cri.daemons.dir}/${name}.log`));
    return found ? Number(found[1]) : undefined;
  }, 20_000);
}

/** Process id of a container's init. */
export async function initOf(cri: Cri, id: string): Promise<number> {
  return JSON.parse(await cri.ok("inspect", id)).info.pid;
}

/** Bytes of memory and microseconds of CPU time that a process's cgroup may have, of either version. */
export function limits(pid: number): number[] {
  const lines = readText(`/proc/${pid}/cgroup`).trim().split("\n").map((line) => line.split(":"));
  const path = (controller: string) => lines.find(([, names]) => names.split(",").includes(controller))?.[2];
  if (exists("/sys/fs/cgroup/cgroup.controllers")) {
    const dir = `/sys/fs/cgroup${lines[0][2]}`;
    return [readText(`${dir}/memory.max`), readText(`${dir}/cpu.max`)].map((text) => parseInt(text));
  }
  const memory = `/sys/fs/cgroup/memory${path("memory")}/memory.limit_in_bytes`;
  return [memory, `/sys/fs/cgroup/cpu${path("cpu")}/cpu.cfs_quota_us`].map((file) =>
    parseInt(readText(file))
  );
}

/** Checks that pods have left nothing. systemd removes the cgroup of a scope a moment after its end. */
async function nothingBut(cri: Cri, before: unknown): Promise<void> {
  const same = async () => equal(await leftovers(cri), before);
  await until("the end of all that was the pods'", same, 10_000).catch(() => {});
  assertEquals(await leftovers(cri), before);
}

/** What pods leave when their removal is not whole: names of namespaces, devices, cgroups and mounts. */
async function leftovers(cri: Cri): Promise<Record<string, unknown>> {
  const { dir, token } = cri.daemons, containerd = cri.daemons.pids().containerd;
  const mounts = readText(`/proc/${containerd}/mountinfo`).split("\n").filter((line) => line.includes(token));
  const netns = `${dir}/containerd-state/io.containerd.grpc.v1.cri/netns`;
  const devices = await cri.daemons.command(["/usr/sbin/ip", "-o", "-4", "address"]);
  return {
    mounts: mounts.map((line) => line.split(" ")[4]),
    namespaces: names(netns),
    devices: devices.stdout.split("\n").filter((line) => line.includes(` ${cri.network}`)).length,
    addresses: names(`${dir}/addresses/pods`).filter((name) => name.startsWith(cri.network)),
    // Those of pods' containers: the cgroup that pods are in is made by the first of them, and stays.
    cgroups: findCgroups(token).filter((path) => !path.endsWith(cri.parent())).sort(),
  };
}

/** Names in a directory, which need not be there. */
function names(dir: string): string[] {
  return exists(dir) ? [...Deno.readDirSync(dir)].map(({ name }) => name).sort() : [];
}
