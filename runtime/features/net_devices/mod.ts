/**
 * `linux.netDevices`: moves devices of the host into the container, runtime-spec `config-linux.md`.
 *
 *     host's network namespace                      container's
 *       RTM_GETLINK, RTM_GETADDR
 *       RTM_NEWLINK  IFLA_NET_NS_FD, IFLA_IFNAME ──> device, down, without addresses
 *                                                     RTM_NEWADDR for each permanent address of global scope
 *                                                     RTM_NEWLINK IFF_UP
 *
 * As the specification asks, nothing is moved back when the container ends. When the last user of its network
 * namespace ends, the kernel gives physical devices to the host and destroys virtual ones. Only a failed
 * create gives back the devices that it has moved.
 * @module
 */

import { O_RDONLY } from "../../../ffi/constants.ts";
import type { Kernel } from "../../../ffi/kernel.ts";
import { decodeStatx, STATX_SIZE } from "../../../ffi/structs.ts";
import { fetchDescriptor } from "../../../init/hand_over.ts";
import { NAMESPACES } from "../../../spec/namespaces.ts";
import type { LinuxNetDevice } from "../../../spec/types.ts";
import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
import {
  type HostDevice,
  moveDevice,
  planContainerAddresses,
  planHostAddresses,
  readDevice,
  showAddress,
} from "./device.ts";
import type { CreateFeature, CreateRequest } from "../feature.ts";
import { callerIsRoot } from "../../host/caller.ts";
import { inUserNamespace } from "../../host/rootless.ts";
import { RouteSocket } from "./route_socket.ts";

/**
 * Moves the devices as soon as the container's network namespace exists. The init hands a descriptor of the
 * namespace over: tsrun may not have the right to open it from outside.
 *
 * @throws {RuntimeError} If the caller lacks the rights for it.
 */
export function forCreate({ spec, rootless }: CreateRequest): CreateFeature {
  // Root of a user namespace has its rights over the devices there.
  if (!callerIsRoot() || rootless && !inUserNamespace()) {
    throw new RuntimeError("EPERM_ROOTLESS", "network devices are not supported for rootless containers");
  }
  let devices: NetDevices;
  return {
    steps: ({ k, init, undo }) => ({
      namespaces() {
        const theirs = fetchDescriptor(k, init, init.open("/proc/self/ns/net", O_RDONLY).wait());
        devices = new NetDevices(k, theirs);
        undo(() => devices.undo());
        devices.move(spec.linux!.netDevices!);
      },
    }),
    host: { created: () => devices.end() },
  };
}

/** A device that is being moved, or has been. */
interface Moved {
  device: HostDevice;
  /** Its index in the container. */
  index: number;
}

/** The devices of one container, during its create. */
export class NetDevices {
  readonly #k: Kernel;
  /** Descriptors of the two network namespaces. */
  readonly #own: number;
  readonly #theirs: number;
  readonly #host: RouteSocket;
  readonly #container: RouteSocket;
  readonly #moved: Moved[] = [];

  /**
   * @param k The kernel of this process. It has the host's rights, and moves devices out of its own
   * namespace.
   * @param theirs Descriptor of the container's network namespace. {@linkcode end} closes it.
   */
  constructor(k: Kernel, theirs: number) {
    this.#k = k;
    this.#theirs = theirs;
    // Each thread has namespaces of its own, and this process has several threads.
    this.#own = k.open("/proc/thread-self/ns/net", O_RDONLY).wait();
    if (inodeOf(k, this.#own) === inodeOf(k, theirs)) {
      throw new RuntimeError(
        "EIO_NET_DEVICE",
        "unable to move network devices into the network namespace that they are in",
      );
    }
    this.#host = new RouteSocket(k);
    k.setns(theirs, NAMESPACES.network.flag, { doing: "enter the container's network namespace" });
    try {
      this.#container = new RouteSocket(k);
    } finally {
      k.setns(this.#own, NAMESPACES.network.flag, { doing: "go back to the host's network namespace" });
    }
  }

  /**
   * Moves devices to the container.
   *
   * @param devices Names on the host, and the names in the container.
   * @throws {RuntimeError} When one cannot be moved. {@linkcode giveBack} brings back the others.
   */
  move(devices: Readonly<Record<string, LinuxNetDevice>>): void {
    for (const [name, { name: newName }] of Object.entries(devices)) {
      try {
        this.#moveOne(name, newName || name);
      } catch (error) {
        const operation = "error creating network interfaces: move netDevice", reason = reasonOf(error);
        throw new RuntimeError(
          "EIO_NET_DEVICE",
          `${operation} ${name} to the container's network namespace: ${reason}`,
          undefined,
          { operation, object: JSON.stringify(name), reason },
        );
      }
    }
  }

  #moveOne(name: string, newName: string): void {
    const device = readDevice(this.#host, name);
    const moved: Moved = { device, index: device.index };
    const way = { from: this.#host, to: this.#container, namespace: this.#theirs };
    moveDevice(way, device.index, newName, (index) => {
      moved.index = index;
      if (!this.#moved.includes(moved)) this.#moved.push(moved);
    });
    for (const address of planContainerAddresses(device, moved.index)) {
      this.#container.addAddress(address, showAddress(address));
    }
    this.#container.setUp(moved.index);
  }

  /**
   * Brings every moved device back to the host with its former name, addresses and state. Routes that do not
   * come with the addresses are lost.
   *
   * @returns The failures.
   */
  giveBack(): string[] {
    const failures: string[] = [];
    for (const moved of this.#moved.splice(0).reverse()) {
      try {
        this.#giveOneBack(moved);
      } catch (error) {
        failures.push(`giving network device ${moved.device.name} back: ${reasonOf(error)}`);
      }
    }
    return failures;
  }

  #giveOneBack({ device, index }: Moved): void {
    let own = device.index;
    // A failed move may have left the device on either side.
    if (this.#host.linkAt(own)?.name !== device.name) {
      const way = { from: this.#container, to: this.#host, namespace: this.#own };
      moveDevice(way, index, device.name, (index) => own = index);
    }
    for (const address of planHostAddresses(device)) {
      this.#host.addAddress({ ...address, index: own }, showAddress(address));
    }
    if (device.up) this.#host.setUp(own);
  }

  /**
   * Does {@linkcode giveBack} and {@linkcode end}. @throws {RuntimeError} If the devices cannot be given
   * back.
   */
  undo(): void {
    const failures = this.giveBack();
    this.end();
    if (failures.length > 0) throw new RuntimeError("EIO_NET_DEVICE", failures.join("; "));
  }

  /** Closes the container's network namespace. */
  end(): void {
    this.#host.close();
    this.#container.close();
    for (const fd of [this.#own, this.#theirs]) this.#k.close(fd);
  }
}

/** The inode of a namespace, which tells it from others: all are on one filesystem, nsfs. */
function inodeOf(k: Kernel, namespace: number): number {
  const { memory } = k, top = memory.top;
  try {
    const buffer = k.buffer(STATX_SIZE);
    k.statx(namespace, "", buffer).wait();
    return decodeStatx(buffer).inode;
  } finally {
    memory.release(top);
  }
}
