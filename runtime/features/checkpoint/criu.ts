/**
 * CRIU as a child of tsrun, and the line to it: `criu swrk <descriptor>`, one request each time.
 *
 *     tsrun ── request ──> criu
 *           <── NOTIFY ───      (a step of the dump or restore; descriptors may come along)
 *           ─── done ────>
 *           <── response ──
 *
 * CRIU opens descriptors that a request names (images_dir_fd and the like) as files of /proc/<pid>/fd of
 * the process that has made the line. Here that is CRIU's own process: it mounts in its work directory,
 * and a directory that was opened in another mount namespace is no place to mount anything.
 * Source: criu.org/RPC, criu/cr-service.c.
 * @module
 */

import { RuntimeError } from "../../../ffi/errors.ts";
import type { LocalKernel } from "../../../ffi/local.ts";
import type { Arena } from "../../../init/executor.ts";
import { Service, type ServiceStart } from "../../../init/service.ts";
import { callerEnvironment, callerVariable } from "../../host/caller.ts";
import { isFile } from "../../host/files.ts";
import {
  type CriuRequest,
  type CriuResponse,
  decodeCriuResponse,
  encodeCriuRequest,
  REQUEST,
  requestName,
} from "./rpc.ts";

const DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What CRIU tells while it works, and the descriptors that came along, which the listener owns. */
export type Listener = (script: string, pid: number, fds: readonly number[]) => void;

/** A CRIU that waits for its request; it is ended with its scope. */
export class Criu implements Disposable {
  readonly #service: Service;

  /**
   * @param arena Memory to share with its process while it is prepared.
   * @param path Its path, see {@linkcode findCriu}.
   * @param prepare What its process does before it becomes CRIU.
   */
  constructor(k: LocalKernel, arena: Arena, path: string, prepare?: ServiceStart["prepare"]) {
    const env = Object.entries({ PATH: DEFAULT_PATH, ...callerEnvironment() }).map(([name, value]) =>
      `${name}=${value}`
    );
    const args = (line: number) => ["criu", "swrk", String(line)];
    this.#service = new Service(k, arena, { path, args, env, prepare });
  }

  /** Its process id. */
  get pid(): number {
    return this.#service.pid;
  }

  /**
   * Has CRIU do one thing.
   *
   * @param listen Told of each step of a dump or restore; where it throws, CRIU gives up.
   * @returns What it answered, success or not.
   * @throws {RuntimeError} When it ends without an answer; and what `listen` has thrown.
   */
  request(request: CriuRequest, listen: Listener = () => {}): CriuResponse {
    this.#send(request);
    let failure: { error: unknown } | undefined;
    for (;;) {
      const message = this.#service.receive("hear from criu");
      if (message === undefined) {
        throw new RuntimeError("criu ended unexpectedly (was it killed, or out of memory?)");
      }
      const response = decodeCriuResponse(message.bytes);
      if (response.type !== REQUEST.NOTIFY) {
        if (failure) throw failure.error;
        return response;
      }
      try {
        listen(response.notify?.script ?? "", response.notify?.pid ?? 0, message.fds);
      } catch (error) {
        // CRIU takes back what it has done so far, and answers when it has.
        failure ??= { error };
      }
      this.#send({ type: REQUEST.NOTIFY, notify_success: failure === undefined });
    }
  }

  /** Waits for its end. @returns Undefined for success, else how it ended. */
  ended(): string | undefined {
    return this.#service.end();
  }

  #send(request: CriuRequest): void {
    this.#service.send(encodeCriuRequest(request), `send criu the request ${requestName(request.type)}`);
  }

  [Symbol.dispose](): void {
    this.#service[Symbol.dispose]();
  }
}

/**
 * Where CRIU is.
 *
 * @param name What `--criu` says: a path, or a name that is looked for in the caller's PATH.
 * @throws {RuntimeError} When it is nowhere.
 */
export function findCriu(name: string): string {
  if (name.includes("/")) return name;
  const directories = `${callerVariable("PATH") ?? ""}:${DEFAULT_PATH}`.split(":");
  const found = directories.find((directory) => directory.startsWith("/") && isFile(`${directory}/${name}`));
  if (found !== undefined) return `${found}/${name}`;
  throw new RuntimeError(`no ${name} in PATH: install CRIU (criu.org), or name it by the global flag --criu`);
}
