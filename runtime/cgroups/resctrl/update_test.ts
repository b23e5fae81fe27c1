import { assertEquals, assertRejects } from "@std/assert";
import { EINVAL } from "../../../ffi/errno.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { FakeResctrl, MOUNT } from "./fake_testing.ts";
import type { ResctrlRecord } from "./group.ts";
import { changeSchemata, checkSchemata } from "./update.ts";

const gold = () => new FakeResctrl().group("/gold", { schemata: "    L3:0=f\n    MB:0=30\n" });
const record: ResctrlRecord = { mount: MOUNT, clos: `${MOUNT}/gold`, made: false };
const both = { l3CacheSchema: "L3:0=3", memBwSchema: "MB:0=20" };
const nothing = () => Promise.resolve();

Deno.test("schemata are written, one by one", async () => {
  const fs = gold();
  await changeSchemata(both, record, nothing, fs);
  assertEquals(fs.writes, ["/tmp/gold/schemata L3:0=3\n", "/tmp/gold/schemata MB:0=20\n"]);
});

Deno.test("what fails afterwards gives the old ones back", async () => {
  const fs = gold();
  const fail = () => Promise.reject(new RuntimeError("EIO_TEST", "no such limit"));
  const change = changeSchemata({ ...both, memBwSchema: "" }, record, fail, fs);
  await assertRejects(() => change, RuntimeError, "no such limit");
  assertEquals(fs.writes, [
    "/tmp/gold/schemata L3:0=3\n",
    "/tmp/gold/schemata     L3:0=f\n",
    "/tmp/gold/schemata     MB:0=30\n",
  ]);
});

Deno.test("a line that is refused, and old ones that cannot be given back", async () => {
  const fs = gold();
  fs.fail(`write ${MOUNT}/gold/schemata`, 0, EINVAL, 0);
  let others = 0;
  const count = () => Promise.resolve(void others++);
  await assertRejects(() => changeSchemata(both, record, count, fs), RuntimeError, '"MB:0=20\\n"');
  assertEquals(fs.writes.slice(2), ["/tmp/gold/schemata     L3:0=f\n", "/tmp/gold/schemata     MB:0=30\n"]);
  assertEquals(others, 0);
  const broken = gold();
  broken.fail(`write ${MOUNT}/gold/schemata`, EINVAL);
  await assertRejects(
    () => changeSchemata(both, record, nothing, broken),
    RuntimeError,
    "; and the old schemata cannot be set: intelrdt: failed to write",
  );
});

Deno.test("what cannot be changed is refused", () => {
  const cases: [typeof both, ResctrlRecord | undefined, FakeResctrl, string][] = [
    [both, record, gold().lacks("L3"), "Intel RDT/CAT: l3 cache schema is not enabled"],
    [both, record, gold().lacks("MB"), "Intel RDT/MBA: memory bandwidth schema is not enabled"],
    [both, undefined, gold(), "updating a non-existent Intel RDT configuration is not supported"],
    [
      { ...both, l3CacheSchema: "L3:0=f\nMB:0=9" },
      record,
      gold(),
      "l3-cache-schema: must not contain newlines",
    ],
    [{ ...both, memBwSchema: "L3:0=f" }, record, gold(), 'mem-bw-schema: must start with "MB:"'],
  ];
  for (const [change, group, fs, message] of cases) {
    assertEquals(refusal(() => checkSchemata(change, group, MOUNT, fs)).endsWith(message), true, message);
  }
  const there = refusal(() => checkSchemata(both, record, undefined, gold()));
  assertEquals(there, "Intel RDT/CAT: l3 cache schema is not enabled");
});

function refusal(work: () => void): string {
  try {
    work();
  } catch (error) {
    return (error as Error).message;
  }
  return "";
}
