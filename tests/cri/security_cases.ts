/**
 * Security contexts, namespaces and volumes of pods, looked at from inside the container. Each case does the
 * same under runc, and compares what is seen.
 */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { until } from "../lib/process.ts";
import { type Cri, type CriCase, type Message, MODE } from "./cri.ts";

/** Prints the rights of a process. */
const RIGHTS = "id; grep -E '^(Cap|NoNewPrivs|Seccomp:|Groups)' /proc/self/status";

/** A pod whose processes are root's of a user namespace of its own. */
const USERNS: Message = {
  namespace_options: {
    userns_options: {
      mode: MODE.POD,
      uids: [{ host_id: 2_000_000, container_id: 0, length: 65_536 }],
      gids: [{ host_id: 2_000_000, container_id: 0, length: 65_536 }],
    },
  },
};

/** Runs a script under a security context, on both handlers; in a pod of its own where that is special. */
function under(cri: Cri, security: Message, script: string, pod?: Message): Promise<string> {
  return cri.both((handler) => cri.run(handler, script, { security_context: security }, pod));
}

/** By what they show. */
export const SECURITY: Readonly<Record<string, CriCase>> = {
  "user, group and further groups": async (cri) => {
    const ids = { run_as_user: { value: 1000 }, run_as_group: { value: 1234 }, supplemental_groups: [7, 8] };
    assertMatch(await under(cri, ids, RIGHTS), /^uid=1000\(user\) gid=1234 groups=7,8,1234|^uid=1000/);
  },
  "a user by name": async (cri) =>
    assertMatch(await under(cri, { run_as_username: "daemon" }, RIGHTS), /^uid=1\(daemon\)/),
  "capabilities added and dropped": async (cri) => {
    const only = { capabilities: { add_capabilities: ["SYS_TIME"], drop_capabilities: ["ALL"] } };
    assertMatch(await under(cri, only, RIGHTS), /CapEff:\s+0000000002000000/);
    await under(cri, { capabilities: { drop_capabilities: ["CHOWN"] } }, RIGHTS);
    await under(cri, {}, RIGHTS);
  },
  "no_new_privs": async (cri) =>
    assertMatch(await under(cri, { no_new_privs: true }, RIGHTS), /NoNewPrivs:\s+1/),
  "a read-only root": async (cri) =>
    assertMatch(await under(cri, { readonly_rootfs: true }, "touch /x 2>&1; mkdir /tmp/y 2>&1"), /Read-only/),
  "privileged": async (cri) => {
    const privileged = { privileged: true };
    const script =
      `${RIGHTS}; ls /dev | sort | head -20; grep -c . /proc/mounts; touch /proc/sys/kernel/x 2>&1`;
    await under(cri, privileged, script, { security_context: privileged });
  },
  "the runtime's default seccomp profile, a profile of the node, and none": async (cri) => {
    const profile = `${cri.daemons.dir}/profile.json`;
    const syscalls = [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_ERRNO", errnoRet: 95 }];
    Deno.writeTextFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls }));
    const script = "grep Seccomp: /proc/self/status; mkdir /tmp/x 2>&1; unshare -m true 2>&1";
    const byDefault = await under(cri, { seccomp: { profile_type: 0 } }, script);
    assertMatch(byDefault, /Seccomp:\s+2/);
    assertMatch(
      await under(cri, { seccomp: { profile_type: 2, localhost_ref: profile } }, script),
      /Operation not supported|Not supported/i,
    );
    assertMatch(await under(cri, { seccomp: { profile_type: 1 } }, script), /Seccomp:\s+0/);
  },
  "masked and read-only paths": async (cri) => {
    const paths = { masked_paths: ["/proc/version", "/proc/fs"], readonly_paths: ["/proc/sys", "/etc"] };
    const script = "cat /proc/version; ls /proc/fs; touch /etc/x 2>&1; touch /proc/sys/kernel/hostname 2>&1";
    assertMatch(await under(cri, paths, script), /^touch: \/etc\/x: Read-only/);
  },
  "sysctls of a pod": (cri) =>
    cri.both(async (handler) => {
      const sysctls = { "net.ipv4.ip_unprivileged_port_start": "77", "kernel.shm_rmid_forced": "1" };
      const script = "cat /proc/sys/net/ipv4/ip_unprivileged_port_start /proc/sys/kernel/shm_rmid_forced";
      assertEquals(await cri.run(handler, script, {}, { sysctls }), "77\n1");
    }),
  "the host's namespaces": (cri) =>
    cri.both(async (handler) => {
      const security_context = {
        namespace_options: { network: MODE.NODE, pid: MODE.NODE, ipc: MODE.NODE },
      };
      const script = "for n in net pid ipc; do readlink /proc/self/ns/$n; done";
      // A pod in the host's network has the host's name, and is given none.
      const pod = await cri.pod(handler, { security_context }, { hostname: "" });
      const seen = await cri.output(await cri.container(pod, script, { security_context }));
      await cri.remove(pod);
      const host = ["net", "pid", "ipc"].map((name) => Deno.readLinkSync(`/proc/self/ns/${name}`));
      assertEquals(seen.split("\n"), host);
    }),
  "processes of a pod see each other where the pod says so, and by a target": (cri) =>
    cri.both(async (handler) => {
      const shared = { security_context: { namespace_options: { pid: MODE.POD } } };
      const pod = await cri.pod(handler, shared);
      await cri.container(pod, "exec sleep 1000", shared);
      const seen = await cri.output(await cri.container(pod, "ps", shared));
      assertMatch(seen, /sleep 1000/);
      await cri.remove(pod);
      const usual = await cri.usual(handler);
      const own = { security_context: { namespace_options: { pid: MODE.CONTAINER } } };
      const target = await cri.container(usual, "exec sleep 1001", own);
      const by = { security_context: { namespace_options: { pid: MODE.TARGET, target_id: target } } };
      const guest = await cri.container(usual, "ps", by);
      // The target is the first process of the namespace that both are in.
      assertMatch(await cri.output(guest), /^ +1 .*sleep 1001/m);
      await cri.drop(guest, target);
    }),
  // Debian's runc has no idmapped mounts, which containerd asks for.
  "a user namespace of the pod": async (cri) => {
    const pod = await cri.pod("tsrun", { security_context: USERNS });
    const script =
      "cat /proc/self/uid_map; stat -c %u /bin/busybox /proc/1; touch /tmp/x && stat -c %u /tmp/x";
    const output = await cri.output(await cri.container(pod, script, { security_context: USERNS }));
    await cri.remove(pod);
    assertMatch(output, /^\s*0\s+2000000\s+65536\n0\n0\n0$/);
  },
  "volumes: read-only, recursively read-only, of an image, with propagation": (cri) =>
    cri.both(async (handler) => {
      const dir = `${cri.daemons.dir}/volume-${handler}`;
      Deno.mkdirSync(dir);
      Deno.writeTextFileSync(`${dir}/file`, "content");
      Deno.mkdirSync(`${dir}/below`);
      await cri.onNode("mount", "-t", "tmpfs", "below", `${dir}/below`);
      const script = "touch /ro/below/x && echo writable; touch /rro/below/x 2>&1; " +
        "touch /ro/x 2>&1; touch /rro/x 2>&1; touch /rw/x; cat /rw/file; ls /image/bin/busybox; " +
        "touch /image/x 2>&1; grep -E ' /(ro|rro|rw|image) ' /proc/self/mountinfo | cut -d' ' -f5,6 | sort; " +
        "grep -oE ' /(rw|shared|slave) .* (shared|master):' /proc/self/mountinfo | grep -oE '^ \\S+|\\w+:$'";
      const mounts = [
        { host_path: dir, container_path: "/ro", readonly: true },
        { host_path: dir, container_path: "/rro", readonly: true, recursive_read_only: true },
        { host_path: dir, container_path: "/rw" },
        { host_path: dir, container_path: "/slave", propagation: 1 },
        { host_path: dir, container_path: "/shared", propagation: 2 },
        { container_path: "/image", readonly: true, image: { image: "example.org/box:latest" } },
      ];
      const id = await cri.container(await cri.usual(handler), script, {}, { mounts });
      const output = await cri.output(id);
      await cri.drop(id);
      await cri.onNode("umount", `${dir}/below`);
      assertEquals(output.match(/Read-only file system/g)?.length, 4, output);
      assertMatch(output, /^writable\n/);
      return output;
    }),
  "devices, environment, working directory and a terminal": (cri) =>
    cri.both(async (handler) => {
      const script = "echo $A; pwd; stat -c %t:%T /dev/none; tty; echo end";
      const id = await cri.container(await cri.usual(handler), script, {}, {
        envs: [{ key: "A", value: "one two" }],
        working_dir: "/var/made/here",
        devices: [{ container_path: "/dev/none", host_path: "/dev/null", permissions: "rw" }],
        tty: true,
      });
      const output = await cri.output(id);
      await cri.drop(id);
      return output;
    }),
  "what cannot be started: one clear reason, and nothing left": (cri) =>
    cri.both(async (handler) => {
      const id = await cri.created(await cri.usual(handler), "", {}, { command: ["/nothing/here"] });
      const { code, stderr } = await cri.crictl("start", id);
      assert(code !== 0);
      assertMatch(stderr, /nothing\/here.*no such file or directory/);
      const status = await until("the end", async () => {
        const { state, exitCode, reason } = await cri.status(id);
        return state === "CONTAINER_EXITED" ? [exitCode, reason] : undefined;
      });
      await cri.drop(id);
      return status;
    }),
};
