/**
 * Flags of podman that few use, by what they do in a container, and pods of a file for Kubernetes: under
 * tsrun as under runc.
 */
import { assertEquals, assertMatch } from "@std/assert";
import { until } from "../lib/process.ts";
import { type Case, RUNTIMES, testPodman } from "./podman.ts";

/** Mounts below /v, with their options and propagation; numbers of peer groups are left out. */
const MOUNTS = "grep -oE ' /v[a-z]* .* - ' /proc/self/mountinfo | sed 's/:[0-9]*/:N/g' | sort";

const CASES: Readonly<Record<string, Case>> = {
  "-v and --mount: labels, owners, overlays, tmpfs, devpts, an image": async (podman) => {
    const dir = `${podman.daemons.dir}/flags`;
    Deno.mkdirSync(dir);
    const options = { a: "rprivate", b: "rslave", c: "z", d: "Z,ro", e: "rw,nodev,noexec", f: "O" };
    const flags = Object.entries(options).flatMap(([name, option]) => ["-v", `${dir}:/v${name}:${option}`]);
    const mounts = [
      "type=tmpfs,tmpfs-size=64k,tmpfs-mode=700,destination=/vg",
      "type=image,source=box,destination=/vh",
      `type=bind,src=${dir},dst=/vi,ro=true,bind-nonrecursive`,
    ];
    flags.push(...mounts.flatMap((mount) => ["--mount", mount]), "--tmpfs", "/vj:ro,size=64k");
    const script =
      `${MOUNTS}; stat -c %a /vg; ls /vh/bin/busybox; touch /vd/x 2>&1; touch /vi/x 2>&1; touch /vf/x`;
    const { code, stdout } = await podman.both(...flags, "box", "sh", "-c", script);
    assertEquals([code, [...Deno.readDirSync(dir)].length], [0, 0]);
    assertMatch(
      stdout,
      /700\n\/vh\/bin\/busybox\ntouch: \/vd\/x: Read-only[^\n]*\ntouch: \/vi\/x: Read-only/,
    );
  },

  "--security-opt, --sysctl, --ulimit, --umask, --group-add, --read-only, --cgroupns": async (
    podman,
  ) => {
    const flags = [
      ...["--security-opt", "mask=/proc/version", "--security-opt", "unmask=/proc/acpi:/proc/scsi"],
      ...[
        "--security-opt",
        "label=disable",
        "--security-opt",
        "seccomp=unconfined",
        "--ulimit",
        "nofile=77:88",
        "--ulimit",
        "nproc=99:99",
      ],
      ...[
        "--umask",
        "0027",
        "--group-add",
        "7",
        "--read-only",
        "--hostname",
        "name",
        "--oom-score-adj",
        "77",
      ],
      ...["--cgroupns", "host", "--env", "X=y z", "--workdir", "/tmp", "--shm-size", "1m", "--tz", "UTC"],
    ];
    const script = [
      "cat /proc/version; ls /proc/acpi >/dev/null 2>&1; grep Seccomp: /proc/self/status; umask; id; hostname",
      "grep 'open files' /proc/self/limits; cat /proc/self/oom_score_adj; touch /x 2>&1; touch /tmp/x; pwd",
    ];
    const { code, stdout, stderr } = await podman.both(...flags, "box", "sh", "-c", script.join("; "));
    assertEquals(code, 0, stderr);
    assertMatch(stdout, /Seccomp:\t0\n0027\n[^\n]*7[^]*Read-only/);
  },

  "what is refused": async (podman) => {
    for (
      const flags of [["--sysctl", "kernel.no_such_thing=1"], ["-w", "/bin/sh/below"], ["-v", "/bin:/bin/sh"]]
    ) {
      const { code } = await podman.both(...flags, "box", "true");
      assertEquals(code !== 0, true, flags.join(" "));
    }
  },

  "kube play: a pod of two containers by a file, and its end": async (podman) => {
    const seen: unknown[] = [];
    const pause = 'CMD ["sleep", "2147483647"]';
    await podman.ok("import", "--change", pause, `${podman.daemons.dir}/image.tar`, "localhost/pause:latest");
    for (const runtime of RUNTIMES) {
      const name = `kube-${runtime}`, file = `${podman.daemons.dir}/${name}.json`;
      const container = (own: string, script: string) => ({
        ...{ name: own, image: "localhost/box:latest", imagePullPolicy: "Never" },
        command: ["/bin/sh", "-c", script],
        securityContext: { runAsUser: 1000, readOnlyRootFilesystem: own === "one" },
        resources: { limits: { memory: "64Mi" } },
      });
      const containers = [
        container("one", "id -u; hostname; touch /x 2>&1; exec sleep 1000"),
        container("two", "id -u; echo two; exec sleep 1001"),
      ];
      const spec = { hostNetwork: true, restartPolicy: "Never", containers };
      Deno.writeTextFileSync(
        file,
        JSON.stringify({ apiVersion: "v1", kind: "Pod", metadata: { name }, spec }),
      );
      await podman.ok("--runtime", runtime, "play", "kube", file);
      const logs = async (own: string, last: RegExp) =>
        await until(`output of ${own}`, async () => {
          const { stdout, stderr } = await podman.run("logs", `${name}-${own}`);
          return last.test(stdout + stderr) ? stdout + stderr : undefined;
        }, 20_000);
      const output = [await logs("one", /Read-only/), await logs("two", /two\n/)];
      const state = await podman.ok("pod", "inspect", "-f", "{{.State}} {{.NumContainers}}", name);
      const runs = await podman.ok("inspect", "-f", "{{.OCIRuntime}} {{.State.Status}}", `${name}-one`);
      await podman.ok("play", "kube", "--down", file);
      assertEquals(await podman.ok("ps", "-aq"), "");
      seen.push([output.join("").replace(name, "NAME"), state, runs.replace(runtime, "RUNTIME")]);
    }
    assertEquals(seen[0], seen[1], "tsrun, then runc");
  },
};

testPodman("podman: flags that few use", CASES);
