/** `linux.netDevices`: devices of the host that become the container's. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Box } from "../lib/box.ts";
import { type Dict, namespaces, sh } from "../lib/bundle.ts";
import { assertError, assertOk } from "../lib/container.ts";
import { contract, type ContractOptions } from "../lib/contract.ts";
import { addressesOf, deviceFacts, HostDevice, lacksNetDevices, NetNamespace } from "../lib/net_device.ts";
import { host, until } from "../lib/process.ts";
import { shifted } from "../lib/shifted.ts";

const OPTIONS: ContractOptions = {
  skip: lacksNetDevices(),
  notOnReference: "netDevices came with runc 1.4",
};
const show = (name: string) => ["/bin/busybox", "ip", "address", "show", "dev", name];

/** Sections of a container that has these devices, in a network namespace of its own or a joined one. */
function withDevices(netDevices: Dict, namespace?: NetNamespace): Dict {
  const network = { type: "network", ...(namespace && { path: namespace.path }) };
  return { linux: { netDevices, namespaces: [network, ...namespaces("pid", "ipc", "uts", "mount")] } };
}

contract("net devices: moved into a new namespace, set up, and gone with it", async (box) => {
  await using device = await HostDevice.make();
  const container = box.container({
    process: { args: show(device.name) },
    ...withDevices({ [device.name]: {} }),
  });
  assertMatch(await container.output(), /<\S*\bUP\b\S*> mtu/);
  await until("the namespace to go", async () => await device.facts() === undefined);
}, OPTIONS);

contract("net devices: in a joined namespace they stay there when the container is gone", async (box) => {
  await using device = await HostDevice.make();
  await using namespace = await NetNamespace.make(box.dir);
  const container = box.container({
    process: { args: ["/bin/sleep", "1000"] },
    ...withDevices({ [device.name]: {} }, namespace),
  });
  await container.started();
  assertEquals(await device.facts(), undefined);
  assertOk(await container.delete("--force"));
  assert((await deviceFacts(device.name, namespace.within))?.flags.includes("UP"));
  await host(...namespace.within, "ip", "link", "set", "dev", device.name, "netns", String(Deno.pid));
  assert(await device.facts());
}, OPTIONS);

contract("net devices: permanent addresses of global scope go with them, others do not", async (box) => {
  await using device = await HostDevice.make(["down"]);
  for (const address of ["169.254.169.77/32", "192.0.2.5/24", "127.0.0.33/32"]) {
    await device.addAddress(address);
  }
  await using namespace = await NetNamespace.make(box.dir);
  const container = box.container({
    process: { args: show(device.name) },
    ...withDevices({ [device.name]: {} }, namespace),
  });
  const text = await container.output();
  assertMatch(text, /inet 169\.254\.169\.77\/32 /);
  const facts = await deviceFacts(device.name, namespace.within);
  assertEquals(addressesOf(facts), ["169.254.169.77/32", "192.0.2.5/24"]);
}, OPTIONS);

contract(
  "net devices: IPv6 addresses, also of a device that is up, and not those with a lifetime",
  async (box) => {
    await using device = await HostDevice.make(["up"]);
    await device.addAddress("2001:db8::5/64", "nodad");
    await device.addAddress("2001:db8:1::5/64", "valid_lft", "1000", "preferred_lft", "500");
    await device.addAddress("192.0.2.1", "peer", "192.0.2.2/32");
    await using namespace = await NetNamespace.make(box.dir);
    const container = box.container({
      process: { args: show(device.name) },
      ...withDevices({ [device.name]: {} }, namespace),
    });
    const text = await container.output();
    assertMatch(text, /inet 192\.0\.2\.1 peer 192\.0\.2\.2\/32/);
    assertEquals(addressesOf(await deviceFacts(device.name, namespace.within)), [
      "192.0.2.1/32",
      "2001:db8::5/64",
    ]);
  },
  {
    ...OPTIONS,
    notOnReference: "runc loses IPv6 addresses: it sets the device down first",
  },
);

contract("net devices: renamed, with hardware address, MTU and addresses kept", async (box) => {
  await using device = await HostDevice.make(["mtu", "1789"], ["address", "02:11:22:33:44:55"]);
  await device.addAddress("169.254.169.77/32");
  await using namespace = await NetNamespace.make(box.dir);
  const container = box.container({
    process: { args: show("inner0") },
    ...withDevices({ [device.name]: { name: "inner0" } }, namespace),
  });
  assertMatch(
    await container.output(),
    /mtu 1789 [^]*ether 02:11:22:33:44:55 [^]*inet 169\.254\.169\.77\/32 /,
  );
  const { mtu, address, flags } = (await deviceFacts("inner0", namespace.within))!;
  assertEquals({ mtu, address, up: flags.includes("UP") }, {
    mtu: 1789,
    address: "02:11:22:33:44:55",
    up: true,
  });
}, OPTIONS);

contract("net devices: several, whose indices are in use in the namespace", async (box) => {
  await using first = await HostDevice.make();
  await using second = await HostDevice.make();
  await using namespace = await NetNamespace.make(box.dir);
  for (let i = 0; i < 20; i++) {
    await host(...namespace.within, "ip", "link", "add", `other${i}`, "type", "bridge");
  }
  const container = box.container({
    process: { args: sh(`busybox ip link show dev ${first.name}; busybox ip link show dev b`) },
    ...withDevices({ [first.name]: {}, [second.name]: { name: "b" } }, namespace),
  });
  assertEquals((await container.output()).match(/<\S*\bUP\b/g)?.length, 2);
}, OPTIONS);

contract("net devices: a name with %d gets a number in the container", async (box) => {
  await using first = await HostDevice.make();
  await using second = await HostDevice.make();
  const devices = { [first.name]: { name: "c%d" }, [second.name]: { name: "c%d" } };
  const container = box.container({
    process: { args: sh("cd /sys/class/net; echo c*") },
    ...withDevices(devices),
  });
  assertMatch(await container.output(), /^c\d+ c\d+\n$/);
}, { ...OPTIONS, notOnReference: "runc looks for a device of that very name then" });

contract("net devices: hooks of the runtime find them in the container", async (box) => {
  await using device = await HostDevice.make();
  const log = `${box.dir}/log`;
  const script = `nsenter --net=/proc/$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/')/ns/net ip -o link >${log}`;
  const container = box.container({
    ...withDevices({ [device.name]: {} }),
    hooks: {
      createRuntime: [{ path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/usr/sbin:/usr/bin:/bin"] }],
    },
  });
  await container.created();
  assertMatch(Deno.readTextFileSync(log), new RegExp(`${device.name}(?:@\\S+)?: <\\S*\\bUP\\b`));
}, OPTIONS);

contract("net devices: with a user namespace", async (box) => {
  await using device = await HostDevice.make();
  const container = await shifted(box, {
    process: { args: show("inner0") },
    linux: { netDevices: { [device.name]: { name: "inner0" } } },
  });
  assertMatch(await container.output(), /<\S*\bUP\b\S*> mtu/);
  await until("the namespace to go", async () => await device.facts() === undefined);
}, OPTIONS);

contract("net devices: a user namespace that does not own the network namespace", async (box) => {
  await using device = await HostDevice.make();
  await device.addAddress("169.254.169.77/32");
  await using namespace = await NetNamespace.make(box.dir);
  const container = await shifted(box, {
    process: { args: show(device.name) },
    mounts: [{ destination: "/proc", type: "proc", source: "proc" }],
    linux: {
      netDevices: { [device.name]: {} },
      namespaces: [
        { type: "network", path: namespace.path },
        ...namespaces("pid", "ipc", "uts", "mount", "user"),
      ],
    },
  });
  assertMatch(await container.output(), /<\S*\bUP\b[^]*inet 169\.254\.169\.77\/32 /);
}, OPTIONS);

/** Asserts that create fails with this reason and leaves nothing but the device, as it was. */
async function assertRefused(box: Box, overrides: Dict, reason: RegExp, flags: string[] = []): Promise<void> {
  assertError(await box.container(overrides).create({ globals: flags }), reason);
  await box.assertNothingLeft();
}

contract("net devices: what cannot be had is an error", async (box) => {
  await assertRefused(
    box,
    withDevices({ none0: {} }),
    /move netDevice none0 .*link not found for interface none0 on runtime namespace/,
  );
  await assertRefused(box, withDevices({ "a/b": {} }), /invalid network device name "a\/b"/);
  await assertRefused(box, withDevices({ eth0: { name: ".." } }), /invalid network device name "\.\."/);
  await assertRefused(box, withDevices({ lo: { name: "lo1" } }), /move netDevice lo .*invalid argument/);
  await assertRefused(
    box,
    { linux: { netDevices: { eth0: {} }, namespaces: namespaces("pid", "mount", "uts") }, mounts: [] },
    /unable to move network devices without a NET namespace/,
  );
  await assertRefused(
    box,
    withDevices({ none0: {} }),
    /network devices are not supported for rootless containers/,
    ["--rootless", "true"],
  );
}, OPTIONS);

contract("net devices: a name that is in use there, and the host's own namespace", async (box) => {
  await using device = await HostDevice.make(["up"]);
  await device.addAddress("192.0.2.5/24");
  const before = await device.facts();
  const own = [
    { type: "network", path: `/proc/${Deno.pid}/ns/net` },
    ...namespaces("pid", "ipc", "uts", "mount"),
  ];
  const linux = { netDevices: { [device.name]: {} }, namespaces: own };
  await assertRefused(
    box,
    { linux },
    /unable to move network devices into the network namespace that they are in/,
  );
  await using namespace = await NetNamespace.make(box.dir);
  await host(...namespace.within, "ip", "link", "add", "taken", "type", "bridge");
  const overrides = withDevices({ [device.name]: { name: "taken" } }, namespace);
  assertError(await box.container(overrides).create(), /move netDevice .*"taken": file exists/);
  assertEquals(await device.facts(), before);
}, { ...OPTIONS, notOnReference: "runc has set the device down by then" });

contract("net devices: a create that fails gives them back as they were", async (box) => {
  await using device = await HostDevice.make(["mtu", "1789"], ["up"]);
  for (const address of ["192.0.2.5/24", "192.0.2.6/24", "127.0.0.33/32"]) await device.addAddress(address);
  await device.addAddress("2001:db8::5/64", "nodad");
  const before = (await device.facts())!;
  const failures: Dict[] = [
    withDevices({ [device.name]: { name: "inner0" }, none0: {} }),
    { ...withDevices({ [device.name]: { name: "inner0" } }), process: { args: ["/none"] } },
    { ...withDevices({ [device.name]: {} }), hooks: { createRuntime: [{ path: "/bin/false" }] } },
  ];
  for (const overrides of failures) {
    assertEquals((await box.container(overrides).create()).code, 1);
    await box.assertNothingLeft();
    const after = (await device.facts())!;
    assertEquals([after.mtu, after.address, after.flags], [before.mtu, before.address, before.flags]);
    assertEquals(addressesOf(after).toSorted(), addressesOf(before).toSorted());
  }
}, { ...OPTIONS, notOnReference: "runc leaves them to the kernel, which destroys virtual ones" });
