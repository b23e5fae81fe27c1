/**
 * A process with tsrun's own rights in the container's mount namespace. It does what the init, which is root
 * of a user namespace only, cannot do: open files that only the host's root may reach, and clone mounts from
 * there.
 *
 *     tsrun ──posix_spawn──> hand ── setns(the init's mount namespace) ── open, open_tree
 *       │ <──── descriptor ───┘
 *       └────── descriptor ──> init
 *
 * It starts when it is first needed, and ends when the mounts are made.
 * @module
 */

import { O_RDONLY } from "../ffi/constants.ts";
import type { Fd } from "../ffi/kernel.ts";
import type { LocalKernel } from "../ffi/local.ts";
import type { RemoteKernel } from "../ffi/remote.ts";
import { NAMESPACES } from "../spec/namespaces.ts";
import { Arena, type Executor, spawnExecutor } from "./executor.ts";
import { fetchDescriptor, giveDescriptor } from "./hand_over.ts";

/** See the module's description. */
export class HostHand {
  #executor: Executor | undefined;
  /** An arena of its own, since the memory of the init's arena is reused piece by piece. */
  #own: Arena | undefined;

  /**
   * @param init The init, whose namespaces are entered. It has not changed its root yet.
   * @param joinUser tsrun has rights over these namespaces only inside the user namespace, as its owner.
   */
  constructor(
    readonly local: LocalKernel,
    readonly arena: Arena,
    readonly init: RemoteKernel,
    readonly joinUser: boolean,
  ) {}

  /**
   * Opens something in the process, and gives the descriptor to the init. @returns Its number in the init.
   */
  fetch(open: (k: RemoteKernel) => Fd): number {
    const { kernel: k } = this;
    return k.reusing(() => copyDescriptor(this.local, k, valueOf(open(k)), this.init));
  }

  /** The process, started if there is none. */
  get kernel(): RemoteKernel {
    return (this.#executor ??= this.#start()).kernel;
  }

  #start(): Executor {
    const arena = this.#own = new Arena(this.local, this.arena.preserved);
    const executor = spawnExecutor(arena);
    const { kernel: k } = executor;
    k.subject.name = "hand";
    k.during("enter the container's mount namespace", () => {
      // Both descriptors are opened before either namespace is joined: the process may lose access to the
      // other by joining.
      const types = this.joinUser ? ["user", "mount"] as const : ["mount"] as const;
      const joins = types.map((type) => ({ flag: NAMESPACES[type].flag, fd: this.#namespace(k, type) }));
      for (const { flag, fd } of joins) {
        k.setns(fd, flag);
        k.close(fd);
      }
    });
    return executor;
  }

  #namespace(k: RemoteKernel, type: "user" | "mount"): number {
    return copyDescriptor(this.local, this.init, this.#open(type), k);
  }

  /** The init opens its own namespaces, because not every process may look at them from outside. */
  #open(type: "user" | "mount"): number {
    return this.init.open(`/proc/self/ns/${NAMESPACES[type].link}`, O_RDONLY).wait();
  }

  /** The init's user namespace, as a descriptor of this process. */
  userNamespace(): number {
    const fd = this.#open("user");
    const ours = fetchDescriptor(this.local, this.init, fd);
    this.init.close(fd);
    return ours;
  }

  /** Ends the process, if there is one. */
  end(): void {
    this.#executor?.[Symbol.dispose]();
    this.#executor = undefined;
    this.#own?.[Symbol.dispose]();
    this.#own = undefined;
  }
}

/**
 * Copies a descriptor from one executor to another, and closes it in the first. @returns Its number in the
 * second.
 */
function copyDescriptor(local: LocalKernel, from: RemoteKernel, fd: number, to: RemoteKernel): number {
  const ours = fetchDescriptor(local, from, fd);
  from.close(fd);
  try {
    return giveDescriptor(local, to, ours);
  } finally {
    local.close(ours);
  }
}

function valueOf(fd: Fd): number {
  return typeof fd === "number" ? fd : fd.wait();
}
