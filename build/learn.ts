/**
 * Warm runs: the usual commands are run once, and what of each script they have run is what its compiled form
 * in the cache holds from then on. To read compiled code back takes time for all of it, used or not.
 *
 * The engine keeps a script in its cache when it is compiled, before anything of it has run. So a learner,
 * which is a loader of its own, lets a command do its work, takes the scripts out of the cache, and has them
 * compiled again: V8 still has them, with all functions that were needed, and they go back into the cache so.
 * The next command reads them from there, and adds what it needs.
 * @module
 */
import { configOf } from "../bench/configs.ts";
import { staticProgram } from "../init/image.ts";
import { bundleFile, cacheDirectory, LAZY_FLAGS, moduleUrl } from "./launcher.ts";
import { loaderHead } from "./link.ts";

/** Machine code of two programs: exit(0), and one that sleeps until it is killed. */
const PROGRAMS = {
  x86_64: { exit: "31ffb83c0000000f05", sleep: "b8220000000f05ebf7" },
  aarch64: {
    exit: "000080d2a80b80d2010000d4",
    sleep: "000080d2010080d2020080d2030080d2280980d2010000d4faffff17",
  },
} as const;
const DIRECTORIES: readonly string[] = ["bin", "dev", "etc", "proc", "sys", "tmp"];
/** Time for one command. */
const SECONDS = 20;

/** The module of a learner. */
function learnerModule(database: string): string {
  return loaderHead("Deno.args.shift()") + [
    `const N="file:///tsrun/"+d+".js",B=e(u,N)[0],S=new Map([[N,u]]),R=B.run,X=Deno.exit;`,
    `B.run=function(read,i){const [from,to,name]=this.places[i];`,
    `S.set("file:///tsrun/"+name+".js",read(from,to));return R.call(this,read,i)};`,
    `Deno.exit=(status)=>{const {DatabaseSync}=process.getBuiltinModule("node:sqlite");`,
    `const db=new DatabaseSync(${JSON.stringify(database)});db.exec("PRAGMA busy_timeout=5000");`,
    `for(const [name] of S)db.prepare("DELETE FROM codecache WHERE specifier=?").run(name);`,
    `db.close();for(const [name,text] of S)e(text,name);X(status)};`,
    `await B.boot((a,b)=>r(a+o,b+o),d)`,
  ].join("");
}

/** A place for the containers of the warm runs. */
class Workshop implements Disposable {
  readonly #dir = Deno.makeTempDirSync({ prefix: "tsrun-learn-" });
  readonly #learner: string;
  readonly #token = `tsrun-learn-${Deno.pid}`;
  #count = 0;

  constructor(text: string, deno: string) {
    this.#learner = `${this.#dir}/tsrun`;
    const module = moduleUrl(learnerModule(`${cacheDirectory(deno)}/v8_code_cache_v2`));
    Deno.writeFileSync(this.#learner, bundleFile(deno, text, module, { flags: LAZY_FLAGS }), { mode: 0o755 });
    const codes = PROGRAMS[Deno.build.arch];
    const program = (name: string, code: string) =>
      Deno.writeFileSync(`${this.#dir}/rootfs/bin/${name}`, staticProgram(Uint8Array.fromHex(code)), {
        mode: 0o755,
      });
    for (const name of DIRECTORIES) Deno.mkdirSync(`${this.#dir}/rootfs/${name}`, { recursive: true });
    program("true", codes.exit);
    program("cat", codes.exit);
    program("sleep", codes.sleep);
    for (const name of ["hostname", "hosts", "resolv.conf"]) {
      Deno.writeTextFileSync(`${this.#dir}/${name}`, "");
    }
  }

  /** Runs a command. @throws {Error} with what it said, where it does not succeed. */
  run(...words: string[]): void {
    const log = `${this.#dir}/log`;
    const global = ["--root", `${this.#dir}/state`, "--log", log, "--log-format", "json"];
    // Output goes to a file: a container's init may keep it open.
    const shell = 'output=$1; shift; exec timeout "$@" >"$output" 2>&1';
    const { success } = new Deno.Command("/bin/sh", {
      args: ["-c", shell, "sh", `${this.#dir}/output`, `${SECONDS}`, this.#learner, ...global, ...words],
      clearEnv: true,
      // The engine's way is what is to be learnt.
      env: { PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", TSRUN_PREPARED: "no" },
      cwd: this.#dir,
      stdin: "null",
      stdout: "null",
      stderr: "null",
    }).outputSync();
    if (!success) {
      throw new Error(`${words.join(" ")}: ${Deno.readTextFileSync(`${this.#dir}/output`).trim()}`);
    }
  }

  /** Writes a bundle whose program is `name`. @returns Its directory. */
  bundle(kind: "small" | "docker", name: string): string {
    const dir = `${this.#dir}/bundle`;
    Deno.mkdirSync(dir, { recursive: true });
    const paths = { rootfs: `${this.#dir}/rootfs`, files: this.#dir, cgroup: `/${this.#token}` };
    const config = configOf(kind, paths) as { process: { args: string[] } };
    config.process.args = [`/bin/${name}`];
    Deno.writeTextFileSync(`${dir}/config.json`, JSON.stringify(config));
    return dir;
  }

  /** Waits until a process has ended, or is a zombie, for at most a second. */
  waitForEnd(pid: string): void {
    const nobody = new Int32Array(new SharedArrayBuffer(4));
    for (let tries = 0; tries < 50; tries++) {
      try {
        if (/\) [ZX] /.test(Deno.readTextFileSync(`/proc/${pid}/stat`))) return;
      } catch {
        return;
      }
      Atomics.wait(nobody, 0, 0, 20);
    }
  }

  /** Runs `use` with the id of a container that is created, and removes it if that fails. */
  container(bundle: string, use: (id: string, pidFile: string) => void): void {
    const id = `${this.#token}-${++this.#count}`, pidFile = `${this.#dir}/pid`;
    try {
      this.run("create", "--bundle", bundle, "--pid-file", pidFile, id);
      use(id, pidFile);
    } catch (error) {
      this.run("delete", "--force", id);
      throw error;
    }
  }

  /** What managers do with containers: to the end of the program, by force, and in the foreground. */
  lives(kind: "small" | "docker"): void {
    const bundle = this.bundle(kind, "sleep");
    this.container(bundle, (id, pidFile) => {
      const init = Deno.readTextFileSync(pidFile).trim();
      this.run("state", id);
      this.run("start", id);
      this.run("exec", id, "/bin/true");
      this.run("kill", id, "KILL");
      this.waitForEnd(init);
      this.run("state", id);
      this.run("delete", id);
    });
    this.container(bundle, (id) => {
      this.run("start", id);
      this.run("exec", "--detach", "--pid-file", `${this.#dir}/pid-of-exec`, id, "/bin/true");
      this.run("delete", "--force", id);
    });
    this.run("run", "--bundle", this.bundle(kind, "true"), `${this.#token}-${++this.#count}`);
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.#dir, { recursive: true });
  }
}

/**
 * Runs the usual commands, so that the cache of a Deno holds what they need. It is to be empty before.
 *
 * @param text Linked text of the bundle.
 * @returns Why that cannot be done here, or undefined.
 */
export function learn(text: string, deno: string): string | undefined {
  if (Deno.uid() !== 0) return "containers want root";
  using workshop = new Workshop(text, deno);
  try {
    for (const kind of ["small", "docker"] as const) workshop.lives(kind);
    for (const command of ["--version", "list"]) workshop.run(command);
  } catch (error) {
    return error instanceof Error ? error.message : `${error}`;
  }
  return undefined;
}
