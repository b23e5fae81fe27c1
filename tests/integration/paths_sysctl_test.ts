/** `linux.maskedPaths`, `linux.readonlyPaths` and `linux.sysctl`. */
import { assertEquals } from "@std/assert";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";
import { mountAt } from "../lib/mountinfo.ts";
import { readText } from "../lib/process.ts";

contract("maskedPaths: a file reads as the null device, a directory is empty and read-only", async (box) => {
  const script =
    "cat /proc/version | wc -c; stat -c %F /proc/version; ls /etc | wc -l; touch /etc/x 2>&1; ls /proc/sys | wc -l";
  const container = box.container({
    process: { args: sh(script) },
    linux: { maskedPaths: ["/proc/version", "/etc", "/proc/sys", "/none/of/them", "/proc/none"] },
  });
  const { stdout } = await container.run();
  assertEquals(stdout, "0\ncharacter special file\n0\ntouch: /etc/x: Read-only file system\n0\n");
});

contract("maskedPaths: many, and one twice", async (box) => {
  const maskedPaths = [
    "/proc/kcore",
    "/proc/keys",
    "/proc/timer_list",
    "/proc/keys",
    "/sys/firmware",
    "/proc/scsi",
    "/etc",
    "/var",
    "/etc",
  ];
  const facts = await box.container().probe({ linux: { maskedPaths } });
  assertEquals(mountAt(facts.mounts, "/etc")?.type, "tmpfs");
  assertEquals(mountAt(facts.mounts, "/var")?.options.includes("ro"), true);
});

contract("maskedPaths: the mask is the container's null device, not the host's", async (box) => {
  // Whoever is root in the container could otherwise change the mode or the owner of the host's /dev/null.
  const container = box.container({
    process: { args: sh("stat -c %d /dev/null /proc/keys /etc/passwd") },
    linux: { maskedPaths: ["/proc/keys", "/etc/passwd"] },
  });
  const [own, ...masks] = (await container.output()).trim().split("\n");
  assertEquals(masks, [own, own]);
});

contract("readonlyPaths: files and directories cannot be written, missing ones are left out", async (box) => {
  const script =
    "echo 1 >/proc/sys/net/ipv4/ip_forward; touch /etc/x; echo x >>/var/file; touch /var/other && echo fine";
  const container = box.container({
    process: { args: sh(`exec 2>&1; ${script}`) },
    linux: { readonlyPaths: ["/proc/sys", "/etc", "/var/file", "/none/of/them"] },
  });
  Deno.writeTextFileSync(container.path("/var/file"), "");
  const { stdout } = await container.run();
  assertEquals(
    stdout.replaceAll(/\/bin\/sh: /g, "").replaceAll("sh: ", ""),
    "can't create /proc/sys/net/ipv4/ip_forward: Read-only file system\n" +
      "touch: /etc/x: Read-only file system\n" +
      "can't create /var/file: Read-only file system\nfine\n",
  );
});

contract("readonlyPaths: flags of the mount below are kept", async (box) => {
  const facts = await box.container().probe({ linux: { readonlyPaths: ["/proc/sys", "/proc/irq"] } });
  const options = mountAt(facts.mounts, "/proc/sys")?.options ?? [];
  assertEquals(["ro", "nosuid", "nodev", "noexec"].filter((option) => !options.includes(option)), []);
});

contract("maskedPaths and readonlyPaths: an error without a mount namespace", async (box) => {
  const linux = { namespaces: namespaces("pid", "uts"), maskedPaths: ["/proc/keys"] };
  assertError(
    await box.container({ linux }).create(),
    /unable to restrict sys entries without a private MNT namespace/,
  );
});

contract("maskedPaths and readonlyPaths: a relative path is an error", async (box) => {
  for (const field of ["maskedPaths", "readonlyPaths"]) {
    const result = await box.container({ linux: { [field]: ["proc/bus"] } }).create();
    assertError(result, new RegExp(`linux.${field}\\[0\\]: "proc/bus" is not an absolute path`));
  }
  await box.assertNothingLeft();
}, { notOnReference: "runc takes such a path from the root" });

contract("sysctl: with dots and with slashes, before readonlyPaths", async (box) => {
  const container = box.container({
    process: {
      args: sh(
        "cd /proc/sys; cat net/ipv4/ip_forward net/ipv4/conf/lo/forwarding kernel/msgmax fs/mqueue/msg_max",
      ),
    },
    linux: {
      sysctl: {
        "net.ipv4.ip_forward": "1",
        "net/ipv4/conf/lo/forwarding": "1",
        "kernel.msgmax": "4711",
        "fs.mqueue.msg_max": "42",
      },
      readonlyPaths: ["/proc/sys"],
    },
  });
  const before = readText("/proc/sys/kernel/msgmax");
  assertEquals(await container.output(), "1\n1\n4711\n42\n");
  assertEquals(readText("/proc/sys/kernel/msgmax"), before);
});

contract("sysctl: an interface name with a dot is written with slashes", async (box) => {
  const sysctl = { "net/ipv4/conf/none.1/forwarding": "1" };
  assertError(await box.container({ linux: { sysctl } }).create(), /none.1.*no such file or directory/);
  await box.assertNothingLeft();
});

contract("sysctl: refused where it would change the host", async (box) => {
  const attempt = (sysctl: Dict, ...types: string[]) =>
    box.container({ linux: { sysctl, namespaces: namespaces("mount", "uts", "pid", ...types) } }).create();
  const before = readText("/proc/sys/kernel/msgmax") + readText("/proc/sys/net/ipv4/ip_forward");
  assertError(
    await attempt({ "kernel.msgmax": "1" }),
    /sysctl "kernel.msgmax" is not allowed in the hosts ipc namespace/,
  );
  assertError(
    await attempt({ "fs.mqueue.msg_max": "1" }),
    /sysctl "fs.mqueue.msg_max" is not allowed in the hosts ipc namespace/,
  );
  assertError(
    await attempt({ "net.ipv4.ip_forward": "1" }),
    /sysctl "net.ipv4.ip_forward" (is )?not allowed in (the )?hosts? network namespace/,
  );
  assertError(
    await attempt({ "vm.swappiness": "1" }),
    /sysctl "vm.swappiness" is not in a separate kernel namespace/,
  );
  assertError(
    await attempt({ "kernel.hostname": "x" }),
    /sysctl "kernel.hostname" is not allowed as it conflicts with the OCI "hostname" field/,
  );
  assertEquals(readText("/proc/sys/kernel/msgmax") + readText("/proc/sys/net/ipv4/ip_forward"), before);
  await box.assertNothingLeft();
});

contract("sysctl: a value that the kernel refuses is an error that names it", async (box) => {
  const result = await box.container({ linux: { sysctl: { "net.ipv4.ip_forward": "nonsense" } } }).create();
  assertError(result, /ip_forward.*invalid argument/);
  await box.assertNothingLeft();
});

contract("maskedPaths: a path in a read-only one stays masked", async (box) => {
  const masked = ["/data/secrets", "/data/secret"];
  for (const readonlyPaths of [["/data"], ["/data", ...masked], ["/"]]) {
    const container = box.container({
      process: {
        args: sh("ls /data/secrets; cat /data/secret; touch /data/x 2>/dev/null || echo read-only"),
      },
      linux: { maskedPaths: masked, readonlyPaths },
    });
    Deno.mkdirSync(container.path("/data/secrets"), { recursive: true });
    Deno.writeTextFileSync(container.path("/data/secrets/key"), "secret");
    Deno.writeTextFileSync(container.path("/data/secret"), "secret");
    assertEquals(await container.output(), "read-only\n");
  }
});

contract("maskedPaths, readonlyPaths and devices: lists of any length", async (box) => {
  const many = (prefix: string, count: number) => Array.from({ length: count }, (_, i) => `${prefix}${i}`);
  const container = box.container({
    process: {
      args: sh("ls /dev/many | wc -l; ls /data/there299 /data/there0; touch /data/fixed299/x || echo no"),
    },
    linux: {
      maskedPaths: [...many("/data/there", 300), ...many("/none/", 70_000)],
      readonlyPaths: [...many("/none/", 70_000), ...many("/data/fixed", 300)],
      devices: many("/dev/many/", 3000).map((path) => ({ path, type: "c", major: 1, minor: 3 })),
    },
  });
  for (const name of [...many("there", 300), ...many("fixed", 300)]) {
    Deno.mkdirSync(container.path(`/data/${name}`), { recursive: true });
    Deno.writeTextFileSync(container.path(`/data/${name}/file`), "");
  }
  const output = await container.output();
  assertEquals(output.trim().split("\n"), ["3000", "/data/there0:", "", "/data/there299:", "no"]);
}, { timeout: 120_000 });
