/** Configs with very many of something: it works, or one line says what is too much. */
import { assertEquals } from "@std/assert";
import { type Dict, namespaces } from "../lib/bundle.ts";
import { assertError } from "../lib/container.ts";
import { contract } from "../lib/contract.ts";

const times = <T>(count: number, make: (index: number) => T): T[] =>
  Array.from({ length: count }, (_, index) => make(index));

const WORKS: Record<string, Dict> = {
  "5,000 devices": {
    linux: { devices: times(5000, (i) => ({ path: `/dev/d${i}`, type: "c", major: 1, minor: 3 })) },
  },
  "65,536 additional groups": {
    process: { user: { uid: 0, gid: 0, additionalGids: times(65_536, (i) => i) } },
  },
  "2 MB of environment": { process: { env: times(20, (i) => `A${i}=${"y".repeat(100_000)}`) } },
  "20,000 masked paths": { linux: { maskedPaths: times(20_000, (i) => `/m${i}`) } },
  "5 MB of annotations": { annotations: Object.fromEntries(times(5000, (i) => [`a${i}`, "v".repeat(1000)])) },
};

for (const [name, overrides] of Object.entries(WORKS)) {
  contract(`large config: ${name}`, async (box) => {
    const { process = {}, ...others } = overrides as { process?: Dict };
    const container = box.container({ ...others, process: { args: ["/bin/echo", "fine"], ...process } });
    assertEquals(await container.output(), "fine\n");
    await box.assertNothingLeft();
  }, { notOnReference: "it takes runc 1.1.5 minutes, or more than its messages hold" });
}

const map = times(340, (i) => ({ containerID: i, hostID: 100_000 + i, size: 1 }));
const FAILS: Record<string, [Dict, RegExp]> = {
  "startContainer hooks": [
    { hooks: { startContainer: times(4000, () => ({ path: "/bin/true" })) } },
    /hooks\.startContainer: 4000 hooks do not fit/,
  ],
  "bytes of id mappings": [
    {
      linux: {
        namespaces: namespaces("pid", "ipc", "uts", "mount", "user"),
        uidMappings: map,
        gidMappings: map,
      },
    },
    /uid_map: invalid argument \(\d+ bytes: the kernel takes less than a page, 4096\)/,
  ],
};

for (const [name, [overrides, reason]] of Object.entries(FAILS)) {
  contract(`large config: too many ${name}`, async (box) => {
    const result = await box.container(overrides).run();
    assertError(result, reason);
    assertEquals(result.stderr.trimEnd().split("\n").length, 1);
    await box.assertNothingLeft();
  }, { notOnReference: "runc has other limits and words" });
}
