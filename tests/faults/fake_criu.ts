/**
 * A stand-in for CRIU, which sweeps run in its place: `criu swrk DESCRIPTOR`. A dump writes one file and ends
 * the process that was dumped; a restore starts sleep(1) in the container's cgroup. When the line to it is
 * closed it takes back what it has done, as CRIU does.
 * @module
 */
import { local } from "../../ffi/local.ts";
import {
  type CriuRequest,
  type CriuResponse,
  decodeCriuRequest,
  encodeCriuResponse,
  REQUEST,
} from "../../runtime/features/checkpoint/rpc.ts";

/** The file that says that a dump is complete. */
export const INVENTORY = "inventory.img";

const ROOM = 65536;
const VERSION = { major_number: 4, minor_number: 1 };

/** The line to the runtime. */
class Line {
  readonly #k = local();

  constructor(readonly fd: number) {}

  /** The next message; undefined when the other end is closed. */
  receive(): CriuRequest | undefined {
    return this.#k.scratch(() => {
      const data = this.#k.buffer(ROOM);
      const length = this.#k.call("read", [this.fd, data, ROOM], { allow: "any" }).wait();
      return length <= 0 ? undefined : decodeCriuRequest(data.bytes.slice(0, length));
    });
  }

  answer(response: CriuResponse): void {
    const bytes = encodeCriuResponse(response);
    this.#k.scratch(() =>
      void this.#k.call("write", [this.fd, bytes, bytes.length], { allow: "any" }).wait()
    );
  }

  /** Tells of a step. @returns Whether the runtime wants to go on. */
  notify(script: string, pid: number): boolean {
    this.answer({ type: REQUEST.NOTIFY, success: true, notify: { script, pid } });
    return this.receive()?.notify_success === true;
  }
}

function end(pid: number): void {
  try {
    Deno.kill(pid, "SIGKILL");
  } catch { /* it has ended */ }
}

function dump(line: Line, { opts }: CriuRequest): boolean {
  const { pid = 0, images_dir_fd, leave_running } = opts!;
  if (!line.notify("network-lock", pid)) return false;
  Deno.writeTextFileSync(`/proc/self/fd/${images_dir_fd}/${INVENTORY}`, String(pid));
  if (!line.notify("post-dump", pid)) return false;
  if (!leave_running) end(pid);
  return true;
}

function restore(line: Line, { opts }: CriuRequest): number | undefined {
  Deno.statSync(`/proc/self/fd/${opts!.images_dir_fd}/${INVENTORY}`);
  const { pid } = new Deno.Command("/bin/sleep", {
    args: ["1000"],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (const script of ["setup-namespaces", "post-setup-namespaces", "post-restore", "post-resume"]) {
    if (line.notify(script, pid)) continue;
    end(pid);
    return undefined;
  }
  return pid;
}

function serve(line: Line): void {
  const request = line.receive();
  if (request === undefined) return;
  const { type } = request;
  if (type === REQUEST.VERSION) return line.answer({ type, success: true, version: VERSION });
  if (type === REQUEST.FEATURE_CHECK) {
    return line.answer({ type, success: true, features: { mem_track: true, lazy_pages: true } });
  }
  if (type === REQUEST.RESTORE) {
    const pid = restore(line, request);
    return line.answer({
      type,
      success: pid !== undefined,
      restore: pid === undefined ? undefined : { pid },
    });
  }
  line.answer({ type, success: dump(line, request) });
}

if (import.meta.main) {
  serve(new Line(Number(Deno.args[1])));
  // Its child goes on.
  Deno.exit(0);
}
