/**
 * Requests to systemd: makes units of processes, changes and stops them; over D-Bus, with a deadline for
 * every wait.
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

/** Whose units: the host's, or those of a logged-in user. */
export type Bus = "system" | "user";

/** A property of a unit, by its name. */
export type Property = readonly [name: string, value: Variant];

const BUS = "org.freedesktop.DBus", SYSTEMD = "org.freedesktop.systemd1";
/** The interface of systemd's methods. */
export const MANAGER = `${SYSTEMD}.Manager`;
const OBJECT = "/org/freedesktop/systemd1";

const SYSTEM_BUS = "unix:path=/run/dbus/system_bus_socket";
/**
 * systemd's own socket, below /run or the user's runtime directory. By systemd(1) only systemctl may use it,
 * so it is used only where there is no bus, as in runc for root.
 */
const PRIVATE = "/systemd/private";

/** A socket of a systemd. */
interface Socket {
  /** The name of the peer in messages. */
  peer: string;
  path: string;
  /** The peer is systemd itself, and not a bus. */
  direct: boolean;
}

/** How long a job may take, in milliseconds: runc waits as long. */
const JOB_PATIENCE = 30_000;
/** Pauses in milliseconds before a name is tried again that a unit which was just removed still has. */
const RETRIES = [0, 20, 100];

/** How long to wait, by purpose. */
export interface ManagerPatience extends Patience {
  job: number;
}

/** The methods of a systemd that drivers use. Tests have their own. */
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
  /** A bus between tsrun and systemd sends only the signals that were asked for. */
  readonly #direct: boolean;
  readonly #job: number;
  /** Messages to the bus that are not answered yet. They are sent together with the next one. */
  #told: Pending[] = [];
  #version: number | undefined;

  private constructor(bus: DBus, direct: boolean, job: number) {
    this.#bus = bus;
    this.#direct = direct;
    this.#job = job;
    // The first message on a bus.
    if (!direct) this.#tellBus(`introduce tsrun to ${bus.peer}`, "Hello", "", []);
  }

  /**
   * Connects.
   *
   * @param which The bus.
   * @param uid Effective user, from which a user's bus is found if the environment does not name it.
   * @throws {RuntimeError} with the bus, its socket and what it did not do.
   */
  static connect(
    k: LocalKernel,
    which: Bus,
    uid: number,
    patience: Partial<ManagerPatience> = {},
  ): SystemdManager {
    const failures: string[] = [];
    for (const { peer, path, direct } of socketsFor(which, uid)) {
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

  /** The sockets at which a systemd is looked for, in that order. */
  static paths(which: Bus, uid: number): string[] {
    return socketsFor(which, uid).map(({ path }) => path);
  }

  /** The socket by which systemd was reached. */
  get path(): string {
    return this.#bus.path;
  }

  [Symbol.dispose](): void {
    this.#bus[Symbol.dispose]();
  }

  /**
   * Makes a unit and waits until it exists. A failed unit of that name is forgotten first.
   *
   * @param mayExist A unit of that name may exist: slices.
   * @throws {RuntimeError} with the unit and systemd's answer, or when there is none in time.
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
        "EIO_SYSTEMD",
        `error creating systemd unit ${JSON.stringify(unit)}: got ${JSON.stringify(result)}`,
      );
    }
  }

  /**
   * Stops a unit, waits for the end, and makes systemd forget it. A missing unit is no error.
   *
   * @throws {RuntimeError} when the bus or the job does not answer in time.
   */
  stopUnit(unit: string): void {
    try {
      this.#runJob(`unable to stop unit ${JSON.stringify(unit)}`, unit, "StopUnit", "ss", [unit, "replace"]);
    } catch (error) {
      // A scope is removed with its last process, and nothing of it is left.
      if (isUnitGone(error)) return;
      throw error;
    }
    this.resetFailed(unit);
  }

  /** Makes systemd forget that a unit has failed. A missing unit is no error. */
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

  /** The current values of a unit's properties, in the same order. All are asked for together. */
  properties(unit: string, names: readonly string[]): Property[] {
    const type = unit.slice(unit.lastIndexOf(".") + 1);
    const owner = `${SYSTEMD}.${type[0].toUpperCase()}${type.slice(1)}`;
    const doing = `unable to read properties of unit ${JSON.stringify(unit)}`;
    const asked = names.map((name) => this.#sendGet(doing, unitObject(unit), owner, name));
    return asked.map((pending, i) => [names[i], this.#answer(pending)[0] as Variant]);
  }

  /** Moves processes into a unit, or into a cgroup below it (`/sub`). */
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

  /** Waits for an answer, after the answers of the bus, which come first. */
  #answer(pending: Pending): Value[] {
    for (const told of this.#told.splice(0)) this.#bus.answer(told);
    return this.#bus.answer(pending);
  }

  /**
   * Calls a method that answers with a job, and returns the job's result, such as `done`, `failed`,
   * `timeout`.
   */
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

  /** Asks for the signals of a unit's jobs. */
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

function socketsFor(which: Bus, uid: number): Socket[] {
  return which === "system" ? systemSockets(uid) : userSockets(uid);
}

/** The sockets of the host's systemd, in the order in which they are tried. */
function systemSockets(uid: number): Socket[] {
  const given = callerVariable("DBUS_SYSTEM_BUS_ADDRESS");
  const buses = onBus("the system bus", given || SYSTEM_BUS);
  return given || uid !== 0 ? buses : [...buses, { peer: "systemd", path: `/run${PRIVATE}`, direct: true }];
}

/** The sockets of the calling user's systemd. */
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

/** Whether systemd answers that it has no such unit: it forgets a scope when its last process has ended. */
export function isUnitGone(error: unknown): boolean {
  return error instanceof DBusError && isNamed(error, "NoSuchUnit");
}

/**
 * The first number of `252.38-1~deb12u1`, `v245.4-1.fc32` or `245`; 0 of any other text, as for a very old
 * release.
 */
export function parseVersion(text: string): number {
  return Number(/^v?(\d+)/.exec(text)?.[1] ?? 0);
}
