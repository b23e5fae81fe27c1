/**
 * CRIU as a child of tsrun, and the line to it: `criu swrk <descriptor>`. One process handles one request.
 *
 *     tsrun ── request ──> criu
 *           <── NOTIFY ───      (a step of the dump or restore; descriptors may come along)
 *           ─── done ────>
 *           <── response ──
 *
 * CRIU opens the descriptors that a request names (images_dir_fd and the like) as files of /proc/<pid>/fd of
 * the process that made the line. Here this is CRIU's own process. It must be, since CRIU mounts in its work
 * directory, and cannot mount in a directory of another mount namespace. Source: criu.org/RPC,
 * criu/cr-service.c.
 * @module
 */

import { reasonOf, RuntimeError } from "../../../ffi/errors.ts";
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

/** Gets CRIU's notifications while it works, and the descriptors that came along. The listener owns them. */
export type Listener = (script: string, pid: number, fds: readonly number[]) => void;

/** A CRIU process that waits for its request. It is ended with its scope. */
export class Criu implements Disposable {
  readonly #service: Service;

  /**
   * @param arena Memory that is shared with its process until it becomes CRIU.
   * @param path Its path, see {@linkcode findCriu}.
   * @param prepare Prepares its process before it becomes CRIU.
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
   * Sends CRIU a request and waits for the answer.
   *
   * @param listen Called at each step of a dump or restore. If it throws, CRIU gives up.
   * @returns CRIU's answer, success or not.
   * @throws {RuntimeError} If CRIU ends without an answer. Errors of `listen` are thrown too.
   */
  request(request: CriuRequest, listen: Listener = () => {}): CriuResponse {
    this.#send(request);
    let failure: { error: unknown } | undefined;
    for (;;) {
      const message = this.#service.receive("hear from criu");
      if (message === undefined) {
        throw new RuntimeError("EIO_CRIU", "criu ended unexpectedly (was it killed, or out of memory?)");
      }
      const response = decode(message.bytes);
      if (response.type !== REQUEST.NOTIFY) {
        if (failure) throw failure.error;
        return response;
      }
      try {
        listen(response.notify?.script ?? "", response.notify?.pid ?? 0, message.fds);
      } catch (error) {
        // CRIU takes back what it has done so far, and answers afterwards.
        failure ??= { error };
      }
      this.#send({ type: REQUEST.NOTIFY, notify_success: failure === undefined });
    }
  }

  /** Waits until CRIU has ended. @returns Undefined for success, else how it ended. */
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

/** @throws {RuntimeError} For what is no answer of CRIU. */
function decode(bytes: Uint8Array): CriuResponse {
  try {
    return decodeCriuResponse(bytes);
  } catch (error) {
    throw new RuntimeError("EIO_CRIU", `criu's answer is not understood: ${reasonOf(error)}`);
  }
}

/**
 * Finds CRIU.
 *
 * @param name The value of `--criu`: a path, or a name that is searched in the caller's PATH.
 * @throws {RuntimeError} If it is not found.
 */
export function findCriu(name: string): string {
  if (name.includes("/")) return name;
  const directories = `${callerVariable("PATH") ?? ""}:${DEFAULT_PATH}`.split(":");
  const found = directories.find((directory) => directory.startsWith("/") && isFile(`${directory}/${name}`));
  if (found !== undefined) return `${found}/${name}`;
  throw new RuntimeError(
    "ENOENT_CRIU",
    `no ${name} in PATH: install CRIU (criu.org), or name it by the global flag --criu`,
  );
}
