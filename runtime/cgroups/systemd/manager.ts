/**
 * What is asked of systemd: units made of processes, changed, stopped; over D-Bus, with a deadline for every wait.
 *
 * Source: org.freedesktop.systemd1(5).
 * @module
 */
import type { LocalKernel } from "../../../ffi/local.ts";
import { DBus, DBusError, DBusUnreachable, type Patience, type Pending } from "../../dbus/connection.ts";
import { socketsOf } from "../../dbus/address.ts";
import type { Value, Variant } from "../../dbus/value.ts";
import { RuntimeError } from "../../../ffi/errors.ts";
import { sleepSync } from "../../host/sleep.ts";
import { unitObject } from "./unit.ts";
import { callerVariable } from "../../host/caller.ts";

/** Whose units: those of the host, or those of a user who is logged in. */
export type Bus = "system" | "user";

/** A property of a unit, by its name. */
export type Property = readonly [name: string, value: Variant];

const BUS = "org.freedesktop.DBus", SYSTEMD = "org.freedesktop.systemd1";
const MANAGER = `${SYSTEMD}.Manager`, OBJECT = "/org/freedesktop/systemd1";

const SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket";
/**
 * systemd's own socket, below /run or the user's directory for such things. By systemd(1) it is systemctl's and nobody
 * else's business, so it is used only where there is no bus; runc does that too, for root.
 */
const PRIVATE = "/systemd/private";

/** A way to a systemd. */
interface Socket {
  /** How messages call what listens there. */
  peer: string;
  path: string;
  /** systemd itself, and not a bus. */
  direct: boolean;
}

/** How long a job may take, in milliseconds: runc waits as long. */
const JOB_PATIENCE = 30_000;
/** Pauses before a name is tried again that is still taken by a unit which was just let go, in milliseconds. */
const RETRIES = [0, 20, 100];

/** How long to wait for what. */
export interface ManagerPatience extends Patience {
  job: number;
}

/** What drivers ask of a systemd; tests have one of their own. */
export type Systemd = Pick<
  SystemdManager,
  | "startTransientUnit"
  | "stopUnit"
  | "setProperties"
  | "properties"
  | "attachProcesses"
  | "controlGroup"
  | "version"
  | typeof Symbol.dispose
>;

/** One conversation with a systemd. */
export class SystemdManager implements Disposable {
  readonly #bus: DBus;
  /** A bus between us and systemd sends signals only to who asks for them. */
  readonly #direct: boolean;
  readonly #job: number;
  /** What the bus was told and has not answered; it is told together with the next thing. */
  #told: Pending[] = [];
  #version: number | undefined;

  private constructor(bus: DBus, direct: boolean, job: number) {
    this.#bus = bus;
    this.#direct = direct;
    this.#job = job;
    // The first that one has to say to a bus.
    if (!direct) this.#tellBus(`introduce tsrun to ${bus.peer}`, "Hello", "", []);
  }

  /**
   * Connects.
   *
   * @param which The bus.
   * @param uid Effective user, who alone tells where a user's bus is if the environment does not.
   * @throws {RuntimeError} naming the bus, its socket and what it did not do.
   */
  static connect(
    k: LocalKernel,
    which: Bus,
    uid: number,
    patience: Partial<ManagerPatience> = {},
  ): SystemdManager {
    const failures: string[] = [];
    for (const { peer, path, direct } of which === "system" ? systemSockets(uid) : userSockets(uid)) {
      try {
        const bus = DBus.connect(k, peer, path, patience);
        return new SystemdManager(bus, direct, patience.job ?? JOB_PATIENCE);
      } catch (error) {
        if (!(error instanceof DBusUnreachable)) throw error;
        failures.push(error.message);
      }
    }
    throw new DBusUnreachable(failures.join("; "));
  }

  [Symbol.dispose](): void {
    this.#bus[Symbol.dispose]();
  }

  /**
   * Makes a unit and waits until it is there. A failed one that has left its name behind is forgotten first.
   *
   * @param mayExist A unit of that name that is there already will do: slices.
   * @throws {RuntimeError} naming the unit and what systemd said, or was waited for in vain.
   */
  startTransientUnit(unit: string, properties: readonly Property[], mayExist = false): void {
    const doing = `unable to start unit ${JSON.stringify(unit)}`;
    const start: [string, string, readonly Value[]] = ["StartTransientUnit", "ssa(sv)a(sa(sv))", [
      unit,
      "replace",
      properties as unknown as Value[],
      [],
    ]];
    for (let attempt = 0;; attempt++) {
      let result: string;
      try {
        result = this.#runJob(doing, unit, ...start);
      } catch (error) {
        if (!(error instanceof DBusError) || !isNamed(error, "UnitExists")) throw error;
        if (mayExist) return;
        if (attempt === RETRIES.length) throw error;
        this.resetFailed(unit);
        sleepSync(RETRIES[attempt]);
        continue;
      }
      if (result === "done") return;
      this.resetFailed(unit);
      throw new RuntimeError(
        `error creating systemd unit ${JSON.stringify(unit)}: got ${JSON.stringify(result)}`,
      );
    }
  }

  /**
   * Stops a unit, waits until that is done, and lets systemd forget it. A unit that is not there is fine.
   *
   * @throws {RuntimeError} when the bus or the job is waited for in vain.
   */
  stopUnit(unit: string): void {
    try {
      this.#runJob(`unable to stop unit ${JSON.stringify(unit)}`, unit, "StopUnit", "ss", [unit, "replace"]);
    } catch (error) {
      // A scope goes with its last process: nothing has been kept of it.
      if (isUnitGone(error)) return;
      throw error;
    }
    this.resetFailed(unit);
  }

  /** Lets systemd forget that a unit has failed; that there is none is fine. */
  resetFailed(unit: string): void {
    try {
      this.#manager(`unable to reset unit ${JSON.stringify(unit)}`, "ResetFailedUnit", "s", [unit]);
    } catch (error) {
      if (!(error instanceof DBusError)) throw error;
    }
  }

  /** Changes properties of a unit, until it stops. @throws {RuntimeError} */
  setProperties(unit: string, properties: readonly Property[]): void {
    if (properties.length === 0) return;
    this.#manager(
      `unable to set properties of unit ${JSON.stringify(unit)}`,
      "SetUnitProperties",
      "sba(sv)",
      [
        unit,
        true,
        properties as unknown as Value[],
      ],
    );
  }

  /** The values that properties of a unit have now, in the same order; all are asked for together. */
  properties(unit: string, names: readonly string[]): Property[] {
    const type = unit.slice(unit.lastIndexOf(".") + 1);
    const owner = `${SYSTEMD}.${type[0].toUpperCase()}${type.slice(1)}`;
    const doing = `unable to read properties of unit ${JSON.stringify(unit)}`;
    const asked = names.map((name) => this.#sendGet(doing, unitObject(unit), owner, name));
    return asked.map((pending, i) => [names[i], this.#answer(pending)[0] as Variant]);
  }

  /** Puts processes into a unit, or into a cgroup below it (`/sub`). */
  attachProcesses(unit: string, below: string, pids: readonly number[]): void {
    const doing = `unable to attach processes to unit ${JSON.stringify(unit)}`;
    this.#manager(doing, "AttachProcessesToUnit", "ssau", [unit, below, pids]);
  }

  /** The manager's own cgroup, `""` for the root. */
  controlGroup(): string {
    return String(this.#get("ControlGroup"));
  }

  /** Number of systemd's release, such as 252. */
  version(): number {
    this.#version ??= parseVersion(String(this.#get("Version")));
    return this.#version;
  }

  #get(name: string): Value {
    const pending = this.#sendGet(`unable to read systemd's ${name}`, OBJECT, MANAGER, name);
    return (this.#answer(pending)[0] as Variant).value;
  }

  #sendGet(doing: string, path: string, owner: string, name: string) {
    return this.#bus.send(doing, {
      destination: SYSTEMD,
      path,
      interface: `${BUS}.Properties`,
      member: "Get",
      signature: "ss",
      body: [owner, name],
    });
  }

  #manager(doing: string, member: string, signature: string, body: readonly Value[]): Value[] {
    return this.#answer(this.#bus.send(doing, {
      destination: SYSTEMD,
      path: OBJECT,
      interface: MANAGER,
      member,
      signature,
      body,
    }));
  }

  /** Waits for an answer, and before it for those of the bus, which come first. */
  #answer(pending: Pending): Value[] {
    for (const told of this.#told.splice(0)) this.#bus.answer(told);
    return this.#bus.answer(pending);
  }

  /** Calls a method that answers with a job; gives the job's result, such as `done`, `failed`, `timeout`. */
  #runJob(doing: string, unit: string, member: string, signature: string, body: readonly Value[]): string {
    if (!this.#direct) this.#listen(unit);
    const [job] = this.#manager(doing, member, signature, body);
    const accepts = (args: readonly Value[]) => args[1] === job;
    const removed = this.#bus.signal({ interface: MANAGER, member: "JobRemoved", accepts }, this.#job);
    if (removed !== undefined) return String(removed[3]);
    throw new DBusUnreachable(
      `${doing}: systemd has not finished its job ${job} within ${this.#job / 1000} s` +
        ` (waited for JobRemoved on ${this.#bus.peer}, ${this.#bus.path})`,
    );
  }

  /** Asks for the signals about a unit's jobs. */
  #listen(unit: string): void {
    const rule = `type='signal',sender='${SYSTEMD}',path='${OBJECT}',interface='${MANAGER}',` +
      `member='JobRemoved',arg2='${unit}'`;
    this.#tellBus("listen to systemd", "AddMatch", "s", [rule]);
  }

  #tellBus(doing: string, member: string, signature: string, body: readonly Value[]): void {
    const path = "/org/freedesktop/DBus";
    this.#told.push(
      this.#bus.send(doing, { destination: BUS, path, interface: BUS, member, signature, body }),
    );
  }
}

/** Where the host's systemd can be spoken to, in the order in which it is tried. */
function systemSockets(uid: number): Socket[] {
  const given = callerVariable("DBUS_SYSTEM_BUS_ADDRESS");
  const buses = onBus("the system bus", given || SYSTEM_BUS);
  return given || uid !== 0 ? buses : [...buses, { peer: "systemd", path: `/run${PRIVATE}`, direct: true }];
}

/** Where the systemd of the user who calls can be spoken to. */
function userSockets(uid: number): Socket[] {
  const given = callerVariable("DBUS_SESSION_BUS_ADDRESS");
  const directory = callerVariable("XDG_RUNTIME_DIR") || (uid === 0 ? "" : `/run/user/${uid}`);
  const buses = given ? onBus("the user's bus", given) : [];
  if (directory !== "") {
    if (!given) buses.push({ peer: "the user's bus", path: `${directory}/bus`, direct: false });
    buses.push({ peer: "the user's systemd", path: `${directory}${PRIVATE}`, direct: true });
  }
  if (buses.length > 0) return buses;
  throw new DBusUnreachable(
    "cannot find the user's bus: neither DBUS_SESSION_BUS_ADDRESS nor XDG_RUNTIME_DIR is set, as they are in a login session",
  );
}

function onBus(peer: string, address: string): Socket[] {
  return socketsOf(address).map((path) => ({ peer, path, direct: false }));
}

function isNamed({ errorName }: DBusError, name: string): boolean {
  return errorName === `${SYSTEMD}.${name}`;
}

/** Whether systemd says that it has no such unit: a scope is forgotten when its last process has ended. */
export function isUnitGone(error: unknown): boolean {
  return error instanceof DBusError && isNamed(error, "NoSuchUnit");
}

/** Of `252.38-1~deb12u1`, `v245.4-1.fc32` or `245`, the first number; 0 of anything else, as of a very old one. */
export function parseVersion(text: string): number {
  return Number(/^v?(\d+)/.exec(text)?.[1] ?? 0);
}
