/** Network devices of the host, for tests that move them. */
import { host } from "./process.ts";

/** Kinds of virtual devices whose hardware address can be set, the plainest first. */
const KINDS = ["dummy", "veth"] as const;

/** The first kind of device that the kernel makes; undefined where it makes none. */
export function deviceKind(): string | undefined {
  return KINDS.find((kind) =>
    new Deno.Command("unshare", {
      args: ["--net", "ip", "link", "add", "probe0", "type", kind],
      stderr: "null",
    }).outputSync().success
  );
}

/** Why tests of network devices cannot run on this machine, or undefined. */
export function lacksNetDevices(): string | undefined {
  if (Deno.uid() !== 0) return "needs root";
  return deviceKind() === undefined ? `needs a kernel with one of ${KINDS.join(", ")}` : undefined;
}

/** What ip-link(8) and ip-address(8) say of a device. */
export interface DeviceFacts {
  flags: string[];
  mtu: number;
  address: string;
  addr_info: { local: string; prefixlen: number; scope: string; label?: string }[];
}

/**
 * The facts of a device; undefined where there is none of that name. `within` is a command to ask through.
 */
export async function deviceFacts(name: string, within: string[] = []): Promise<DeviceFacts | undefined> {
  const argv = [...within, "ip", "-j", "address", "show"];
  const all: (DeviceFacts & { ifname: string })[] = JSON.parse(await host(...argv));
  return all.find(({ ifname }) => ifname === name);
}

/** Addresses of a device, with their prefixes, but for those that the kernel gives each device by itself. */
export function addressesOf(facts: DeviceFacts | undefined): string[] {
  return (facts?.addr_info ?? []).filter(({ local }) => !local.startsWith("fe80:"))
    .map(({ local, prefixlen }) => `${local}/${prefixlen}`);
}

/** A device of the host, removed at the end of its block where it is still, or again, there. */
export class HostDevice implements AsyncDisposable {
  private constructor(readonly name: string) {}

  /**
   * Makes one, under a name of its own; `settings` are pairs for `ip link set`, such as `["mtu", "1789"]`.
   */
  static async make(...settings: string[][]): Promise<HostDevice> {
    const device = new HostDevice(`ts${crypto.randomUUID().slice(0, 8)}`);
    await host("ip", "link", "add", device.name, "type", deviceKind()!);
    try {
      for (const setting of settings) await host("ip", "link", "set", "dev", device.name, ...setting);
    } catch (error) {
      await device[Symbol.asyncDispose]();
      throw error;
    }
    return device;
  }

  /** Gives it an address. */
  async addAddress(...address: string[]): Promise<void> {
    await host("ip", "address", "add", ...address, "dev", this.name);
  }

  /** What it is like on the host; undefined when it is not there. */
  facts(): Promise<DeviceFacts | undefined> {
    return deviceFacts(this.name);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (await this.facts()) await host("ip", "link", "delete", "dev", this.name);
  }
}

/** A network namespace with a path, as ip-netns(8) makes them, removed at the end of its block. */
export class NetNamespace implements AsyncDisposable {
  private constructor(readonly path: string) {}

  /** Makes one; its file is made in `directory`. */
  static async make(directory: string): Promise<NetNamespace> {
    const path = `${directory}/netns`;
    Deno.writeTextFileSync(path, "");
    await host("unshare", `--net=${path}`, "true");
    return new NetNamespace(path);
  }

  /** A command that runs in it, and follows. */
  get within(): string[] {
    return ["nsenter", `--net=${this.path}`];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await host("umount", this.path);
  }
}
