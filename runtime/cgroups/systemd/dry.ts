/**
 * systemd in a dry run: it agrees to everything, and nothing is asked of the real one but what it is and
 * where its units are.
 * @module
 */

import { S_IFDIR, S_IFREG } from "../../../ffi/constants.ts";
import { ENOENT } from "../../../ffi/errno.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { DryPeer, FindPeer, PeerTools } from "../../host/dry/peers.ts";
import { childOf, parentOf } from "../../host/dry/tree.ts";
import { callerUid } from "../../host/caller.ts";
import { isRealDirectory } from "../../host/files.ts";
import {
  decodeMessage,
  encodeAnswer,
  ERROR,
  type Message,
  messageSize,
  METHOD_RETURN,
  SIGNAL,
} from "../../dbus/message.ts";
import type { Value, Variant } from "../../dbus/value.ts";
import { readCgroupHost } from "../host.ts";
import { isUnified, SYSTEMD, UNIFIED } from "../path.ts";
import { planV1 } from "../v1/driver.ts";
import { planV2 } from "../v2/driver.ts";
import { BOOTED } from "./driver.ts";
import { MANAGER, SystemdManager } from "./manager.ts";
import { isSlice, unitPath, type UnitPlace } from "./unit.ts";

/** What is known of the real systemd. */
interface Facts {
  /** The socket by which it can be reached. */
  path: string;
  version: number;
  /** Cgroup of a user's manager; `""` for the host's. */
  top: string;
}

/** Hierarchies of v1 in which systemd makes the cgroup of a delegated unit, and v2's of a hybrid host. */
const BY_SYSTEMD = ["cpu", "blkio", "memory", "devices", "pids", SYSTEMD, UNIFIED];

/** Controllers of v2 that systemd hands down. */
const HANDED_DOWN = ["cpu", "cpuset", "io", "memory", "pids"];

/**
 * Asks the real systemd what a dry run has to know of it.
 *
 * @returns Stand-ins for its sockets; undefined where this host has no systemd, which `create` refuses.
 * @throws {RuntimeError} If it cannot be reached, as for `create`.
 */
export function standInForSystemd(k: LocalKernel, rootless: boolean): FindPeer | undefined {
  if (!isRealDirectory(BOOTED)) return undefined;
  const bus = rootless ? "user" : "system";
  using manager = SystemdManager.connect(k, bus, callerUid());
  const top = rootless ? manager.controlGroup() : "";
  const facts: Facts = { path: manager.path, version: manager.version(), top };
  const known = SystemdManager.paths(bus, callerUid());
  return (path, tools) =>
    path === facts.path ? new DrySystemd(facts, tools) : known.includes(path) ? -ENOENT : undefined;
}

/** One conversation. */
class DrySystemd implements DryPeer {
  #input = new Uint8Array(0);
  #begun = false;

  constructor(readonly facts: Facts, readonly tools: PeerTools) {}

  take(bytes: Uint8Array): Uint8Array {
    this.#input = new Uint8Array([...this.#input, ...bytes]);
    const answers: Uint8Array[] = [];
    if (!this.#begun) {
      const text = new TextDecoder("latin1").decode(this.#input), end = text.indexOf("BEGIN\r\n");
      if (end < 0) return new Uint8Array();
      this.#begun = true;
      this.#input = this.#input.slice(end + 7);
      answers.push(new TextEncoder().encode(`DATA\r\nOK ${"0".repeat(32)}\r\n`));
    }
    for (let size = messageSize(this.#input); size > 0 && size <= this.#input.length;) {
      answers.push(...this.#answer(decodeMessage(this.#input.slice(0, size))));
      this.#input = this.#input.slice(size);
      size = messageSize(this.#input);
    }
    return new Uint8Array(answers.flatMap((answer) => [...answer]));
  }

  #answer({ serial, interface: owner, member, body }: Message): Uint8Array[] {
    const reply = (signature: string, ...body: Value[]) =>
      encodeAnswer({ type: METHOD_RETURN, replySerial: serial, signature, body });
    if (owner === MANAGER) this.tools.tell(member, `${MANAGER}.${member}(${body.map(shown).join(", ")})`);
    switch (member) {
      case "Hello":
        return [reply("s", ":1.1")];
      case "Get": {
        const { version, top } = this.facts, value = body[1] === "Version" ? `v${version}` : top;
        return [reply("v", { signature: "s", value })];
      }
      case "StartTransientUnit":
        this.#make(String(body[0]), body[2] as unknown as [string, Variant][]);
        return this.#job(serial, String(body[0]));
      case "StopUnit": {
        // A scope ends with its last process, before it is stopped.
        if (isSlice(String(body[0]))) return this.#job(serial, String(body[0]));
        const errorName = "org.freedesktop.systemd1.NoSuchUnit", text = `Unit ${body[0]} not loaded.`;
        return [encodeAnswer({ type: ERROR, replySerial: serial, errorName, signature: "s", body: [text] })];
      }
      default:
        return [reply("")];
    }
  }

  /** A job that is done at once. */
  #job(serial: number, unit: string): Uint8Array[] {
    const job = `/org/freedesktop/systemd1/job/${serial}`, at = { path: "/org/freedesktop/systemd1" };
    const removed = { ...at, interface: MANAGER, member: "JobRemoved", signature: "uoss" };
    return [
      encodeAnswer({ type: METHOD_RETURN, replySerial: serial, signature: "o", body: [job] }),
      encodeAnswer({ type: SIGNAL, ...removed, body: [serial, job, unit, "done"] }),
    ];
  }

  /** Makes the cgroups of a unit, and of the slices that it is in. */
  #make(unit: string, properties: readonly [string, Variant][]): void {
    const slice = String(properties.find(([name]) => name === "Slice")?.[1].value ?? "");
    const directories = this.#directories({ unit, slice, name: "" });
    for (const directory of directories) this.#makePath(directory);
    this.tools.whenEnded(() => directories.forEach((directory) => this.tools.tree.remove(directory)));
  }

  #directories(place: UnitPlace): string[] {
    const host = readCgroupHost(), inner = this.facts.top + unitPath(place);
    if (isUnified(host.mounts)) return [planV2(host, inner).paths[UNIFIED]];
    const { paths } = planV1(host, inner);
    return BY_SYSTEMD.map((name) => paths[name]).filter((path) => path !== undefined);
  }

  /**
   * Makes a cgroup, and those that it is in, where they are missing. In v2 each of these hands all
   * controllers down, also one that is there: the unit is delegated.
   */
  #makePath(directory: string): void {
    const { tree } = this.tools, above = parentOf(directory);
    const isThere = tree.look(directory) !== undefined;
    // The root of a hierarchy is in no cgroup.
    const available = childOf(above, "cgroup.controllers");
    if (isThere && tree.look(available) === undefined) return;
    this.#makePath(above);
    if (!isThere) tree.make(directory, { mode: S_IFDIR | 0o755 });
    const given = tree.text(available)?.trim().split(" ").filter((name) => HANDED_DOWN.includes(name)) ?? [];
    if (given.length === 0) return;
    const control = childOf(above, "cgroup.subtree_control");
    tree.make(control, { mode: S_IFREG | 0o644, text: given.join(" ") });
    if (!isThere) return;
    const text = `${tree.text(control)}\n`;
    tree.make(childOf(directory, "cgroup.controllers"), { mode: S_IFREG | 0o444, text });
  }
}

/** A value as text: properties by their names. */
function shown(value: Value): string {
  if (typeof value === "string") return JSON.stringify(value);
  if (value instanceof Uint8Array) return `[${value.join(", ")}]`;
  if (!Array.isArray(value)) {
    return typeof value === "object" ? shown((value as Variant).value) : String(value);
  }
  const [name, variant] = value as readonly Value[];
  const isProperty = value.length === 2 && typeof name === "string" && isVariant(variant);
  return isProperty ? `${name}=${shown(variant)}` : `[${value.map(shown).join(", ")}]`;
}

function isVariant(value: Value): boolean {
  return typeof value === "object" && !Array.isArray(value) && !(value instanceof Uint8Array);
}
