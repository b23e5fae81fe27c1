/** podman starts containers with user namespaces with tsrun, and containers that share them. */
import { assertEquals, assertMatch } from "@std/assert";
import { type Case, testPodman } from "./podman.ts";

const FIRST = 500_000;
const MAPS = ["--uidmap", `0:${FIRST}:65536`, "--gidmap", `0:${FIRST}:65536`];
const SHOW =
  "id -u; cat /proc/self/uid_map; stat -c %u / /etc/passwd /dev/pts; touch /made && stat -c %u:%g /made";

const CASES: Record<string, Case> = {
  "userns: --uidmap and --gidmap": async (podman) => {
    const { code, stdout, stderr } = await podman.both(...MAPS, "box", "sh", "-c", SHOW);
    assertEquals(code, 0, stderr);
    assertMatch(stdout, new RegExp(`^0\\n\\s+0\\s+${FIRST}\\s+65536\\n0\\n0\\n0\\n0:0\\n$`));
  },

  "userns: another user, a volume, a read-only root": async (podman) => {
    const directory = `${podman.daemons.dir}/volume`;
    Deno.mkdirSync(directory, { recursive: true });
    Deno.chmodSync(directory, 0o777);
    const flags = [...MAPS, "-u", "1000:1001", "--read-only", "-v", `${directory}:/volume`];
    const script = "id; touch /volume/$HOSTNAME; touch /x; echo $?";
    const { stdout } = await podman.both(...flags, "box", "sh", "-c", script);
    assertMatch(stdout, /^uid=1000\(user\) gid=1001.*\n1\n$/);
    for (const { name } of Deno.readDirSync(directory)) {
      const { uid, gid } = Deno.statSync(`${directory}/${name}`);
      assertEquals([uid, gid], [FIRST + 1000, FIRST + 1001]);
    }
  },

  "userns: exec, top, and a container in the same one": async (podman) => {
    await podman.pair([...MAPS, "box", "sleep", "120"], async (id, runtime) => {
      const map = await podman.ok("--runtime", runtime, "exec", id, "cat", "/proc/self/uid_map");
      assertMatch(map, new RegExp(`^0\\s+${FIRST}\\s+65536$`));
      assertEquals(await podman.ok("--runtime", runtime, "exec", "-u", "7", id, "id", "-u"), "7");
      assertMatch(await podman.ok("--runtime", runtime, "top", id, "args"), /sleep 120/);
      const shared = ["--userns", `container:${id}`, "--pid", `container:${id}`, "box"];
      const other = await podman.ok(
        ...podman.runArguments(
          runtime,
          "--rm",
          ...shared,
          "sh",
          "-c",
          "cat /proc/self/uid_map; ps | grep -c 'sleep 12[0]'",
        ),
      );
      assertMatch(other, new RegExp(`^0\\s+${FIRST}\\s+65536\\n1$`));
    });
  },
};

testPodman("podman, user namespaces", CASES);
