import { assertEquals, assertThrows } from "@std/assert";
import {
  type Address,
  decodeAttributes,
  IFA_ADDRESS,
  IFA_F_PERMANENT,
  IFA_FLAGS,
  IFA_LOCAL,
  IFLA_NEW_IFINDEX,
  RT_SCOPE_LINK,
  RT_SCOPE_UNIVERSE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  wordValue,
} from "../../../ffi/structs_netlink.ts";
import { type FakeDevice, FakeRoutes, type Refuse, THEIRS } from "./routes_testing.ts";
import { showAddress } from "./device.ts";
import { NetDevices } from "./mod.ts";

/** An address on a device; `flags` are permanent ones where nothing else is said. */
function address(bytes: number[], prefix: number, more: Partial<Address> = {}): Address {
  const value = Uint8Array.from(bytes), flags = more.flags ?? IFA_F_PERMANENT;
  return {
    family: bytes.length === 4 ? 2 : 10,
    prefix,
    scope: RT_SCOPE_UNIVERSE,
    index: 0,
    attributes: new Map([[IFA_ADDRESS, value], [IFA_LOCAL, value], [IFA_FLAGS, wordValue(flags)]]),
    ...more,
    flags,
  };
}

const GLOBAL = address([192, 0, 2, 1], 24);
const GLOBAL6 = address([0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1], 64);
const HOST_SCOPE = address([127, 0, 0, 33], 32, { scope: 254 });
const DYNAMIC = address([192, 0, 2, 9], 24, { flags: 0 });
const LINK_LOCAL = address([0xfe, 0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2], 64, {
  scope: RT_SCOPE_LINK,
});

const ETH1: FakeDevice = {
  index: 3,
  name: "eth1",
  up: true,
  addresses: [GLOBAL, GLOBAL6, HOST_SCOPE, DYNAMIC],
};

/** A host with the devices lo, eth1 and eth2, and a container that has lo. */
function hostWithDevices(refuse?: Refuse): FakeRoutes {
  const routes = new FakeRoutes(refuse);
  const lo = { index: 1, name: "lo", up: true, addresses: [] };
  routes.host.push({ ...lo }, { ...ETH1, addresses: [...ETH1.addresses, LINK_LOCAL] });
  routes.host.push({ index: 4, name: "eth2", up: false, addresses: [] });
  routes.container.push({ ...lo });
  return routes;
}

/** What a test compares: names, indices, state, and addresses as text. */
function shown(devices: FakeDevice[]) {
  return devices.filter(({ name }) => name !== "lo").map(({ addresses, ...device }) => ({
    ...device,
    addresses: addresses.map(showAddress),
  }));
}

Deno.test("net devices: moved, renamed, set up, with permanent addresses of global scope", () => {
  const routes = hostWithDevices();
  const devices = new NetDevices(routes.kernel, THEIRS);
  devices.move({ eth1: { name: "inner" }, eth2: {} });
  assertEquals(shown(routes.host), []);
  assertEquals(shown(routes.container), [
    { index: 3, name: "inner", up: true, addresses: ["192.0.2.1/24", "2001:db8:0:0:0:0:0:1/64"] },
    { index: 4, name: "eth2", up: true, addresses: [] },
  ]);
  devices.end();
  assertEquals(routes.kernel.calls.filter(({ name }) => name === "close").length, 4);
});

Deno.test("net devices: an index that is in use there is changed, also by somebody who comes before us", () => {
  let rival: FakeDevice | undefined = { index: 6, name: "rival", up: false, addresses: [] };
  const routes: FakeRoutes = hostWithDevices((request) => {
    const index = decodeAttributes(request.payload.subarray(16)).get(IFLA_NEW_IFINDEX);
    if (rival && request.type === RTM_NEWLINK && index?.[0] === 6) routes.container.push(rival);
    if (index) rival = index[0] === 6 ? undefined : rival;
    return undefined;
  });
  routes.container.push({ index: 3, name: "other", up: false, addresses: [] });
  routes.container.push({ index: 5, name: "another", up: false, addresses: [] });
  new NetDevices(routes.kernel, THEIRS).move({ eth1: {} });
  assertEquals(shown(routes.container).at(-1)?.index, 7);
  assertEquals(shown(routes.container).at(-1)?.up, true);
});

Deno.test("net devices: the kernel makes a name out of a template", () => {
  const routes = hostWithDevices();
  new NetDevices(routes.kernel, THEIRS).move({ eth2: { name: "c%d" } });
  assertEquals(shown(routes.container), [{ index: 4, name: "c0", up: true, addresses: [] }]);
});

const START = "error creating network interfaces: move netDevice ";
const TO = " to the container's network namespace: ";

Deno.test("net devices: one that is not there, and a name that is taken", () => {
  const routes = hostWithDevices();
  const devices = new NetDevices(routes.kernel, THEIRS);
  assertThrows(
    () => devices.move({ eth9: {} }),
    Error,
    `${START}eth9${TO}link not found for interface eth9 on runtime namespace`,
  );
  routes.container.push({ index: 9, name: "inner", up: false, addresses: [] });
  assertThrows(
    () => devices.move({ eth1: { name: "inner" } }),
    Error,
    `${START}eth1${TO}network device "inner": file exists in the other network namespace`,
  );
  assertEquals(shown(routes.host).map(({ name }) => name), ["eth1", "eth2"]);
});

Deno.test("net devices: a refusal is quoted with the kernel's own words", () => {
  const refuse: Refuse = ({ type }) =>
    type === RTM_NEWLINK ? { errno: 22, text: "The interface netns is immutable" } : undefined;
  const devices = new NetDevices(hostWithDevices(refuse).kernel, THEIRS);
  assertThrows(
    () => devices.move({ eth1: {} }),
    Error,
    `${START}eth1${TO}change its network namespace: invalid argument (The interface netns is immutable)`,
  );
});

Deno.test("net devices: what was moved goes back as it was, when a later step fails", () => {
  const refuse: Refuse = ({ type, payload }) =>
    type === RTM_NEWADDR && payload[0] === 10 && refusing ? { errno: 13, text: "no IPv6" } : undefined;
  let refusing = true;
  const routes = hostWithDevices(refuse);
  const devices = new NetDevices(routes.kernel, THEIRS);
  assertThrows(
    () => devices.move({ eth2: { name: "inner" }, eth1: {} }),
    Error,
    "give it the address 2001:db8:0:0:0:0:0:1/64: permission denied (no IPv6)",
  );
  refusing = false;
  assertEquals(devices.giveBack(), []);
  assertEquals(shown(routes.container), []);
  const byIndex = shown(routes.host).toSorted((a, b) => a.index - b.index);
  assertEquals(byIndex, [...shown([ETH1]), { index: 4, name: "eth2", up: false, addresses: [] }]);
  assertEquals(devices.giveBack(), []);
});

Deno.test("net devices: what cannot be given back is said, and the others go back", () => {
  let closed = false;
  const refuse: Refuse = ({ type, payload }) =>
    closed && type === RTM_NEWLINK && payload[4] === 4 ? { errno: 1, text: "" } : undefined;
  const routes = hostWithDevices(refuse);
  const devices = new NetDevices(routes.kernel, THEIRS);
  devices.move({ eth1: {}, eth2: {} });
  closed = true;
  assertEquals(devices.giveBack(), [
    "giving network device eth2 back: change its network namespace: operation not permitted",
  ]);
  assertEquals(shown(routes.host).map(({ name }) => name), ["eth1"]);
});

Deno.test("net devices: a list that changed while it was made is made again", () => {
  const routes = hostWithDevices();
  const devices = new NetDevices(routes.kernel, THEIRS);
  routes.disturbances = 3;
  devices.move({ eth1: {} });
  assertEquals(shown(routes.container)[0].addresses.length, 2);
  routes.disturbances = 100;
  assertThrows(() => devices.move({ eth2: {} }), Error, "list network addresses: they keep changing");
});

Deno.test("net devices: the host's own network namespace is refused", () => {
  const { kernel } = new FakeRoutes();
  assertThrows(
    () => new NetDevices(kernel, THEIRS + 1),
    Error,
    "unable to move network devices into the network namespace that they are in",
  );
});
