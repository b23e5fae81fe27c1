import { assert, assertEquals } from "@std/assert";
import { type Config, configOf } from "./configs.ts";
import { dockerSeccomp } from "./docker_profile.ts";
import { parseCpu } from "./machine.ts";

const PATHS = { rootfs: "/r", files: "/f", cgroup: "/c" };
const linux = (config: Config) => config.linux as Record<string, Config & unknown[]>;

Deno.test("dockerConfig has what dockerd writes: mounts, masks, limits, capabilities, a hook", () => {
  const config = configOf("docker", PATHS);
  const { maskedPaths, readonlyPaths, resources } = linux(config);
  assertEquals((config.mounts as unknown[]).length + maskedPaths.length + readonlyPaths.length, 25);
  assertEquals(resources.memory, { limit: 67108864, swap: 134217728, disableOOMKiller: false });
  assertEquals((resources.devices as unknown[]).length, 8);
  const { bounding } = (config.process as Record<string, Record<string, string[]>>).capabilities;
  assertEquals([bounding.length, new Set(bounding).size], [14, 14]);
  assert("prestart" in (config.hooks as Config));
});

Deno.test("configOf: the memory limit that is looked for", () => {
  for (const name of ["small", "docker"] as const) {
    const { resources } = linux(configOf(name, { ...PATHS, memoryLimit: 8192 }));
    assertEquals((resources.memory as Config).limit, 8192);
  }
  assert(!("memory" in linux(configOf("small", PATHS)).resources));
});

Deno.test("dockerSeccomp: one name once among those without arguments, for both architectures", () => {
  for (const arch of ["x86_64", "aarch64"]) {
    const syscalls = dockerSeccomp(arch).syscalls as { names: string[]; args?: unknown }[];
    const names = syscalls.filter(({ args }) => args === undefined).flatMap((rule) => rule.names);
    assertEquals(names.length, new Set(names).size);
    assert(names.every((name) => /^[a-z0-9_]+$/.test(name)));
    assert(names.length > 340 && !names.includes("mount") && !names.includes("unshare"));
  }
});

Deno.test("parseCpu: x86-64 with and without a hypervisor, arm64", () => {
  assertEquals(parseCpu("model name\t: A B\nflags\t\t: fpu hypervisor sse\n"), {
    model: "A B",
    virtual: true,
  });
  assertEquals(parseCpu("model name\t: A B\nflags\t\t: fpu sse\n"), { model: "A B", virtual: false });
  assertEquals(parseCpu("CPU implementer\t: 0x41\nCPU part\t: 0xd0c\n").model, "implementer 0x41 part 0xd0c");
});
