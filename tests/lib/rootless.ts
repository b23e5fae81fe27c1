/** Commands of a user without root's rights. */
import type { Box } from "./box.ts";
import { type Dict, makeBundle, merge } from "./bundle.ts";
import { host, type Result } from "./process.ts";
import { pathUnderTest } from "./runtime.ts";

/** The user; no passwd file of the machine names it. */
export const USER = 20_001;

/** The user's subordinate ids, in tests that give it some. */
export const SUBORDINATE = 300_000;

/** The user that runs the commands. */
export interface Who {
  uid: number;
  /** /etc/subuid, /etc/subgid and /etc/passwd are made to give the user subordinate ids. */
  subordinate?: boolean;
  /**
   * The user's own runtime directory, where its bus and service manager are found; absent for a user without
   * them.
   */
  runtimeDir?: string;
  /** Takes the place of newuidmap(1): a shell script. Only with {@linkcode Who.subordinate}. */
  newuidmap?: string;
}

/** Arguments of setpriv(1) for a command of this user. */
export function asUser(uid: number = USER): string[] {
  return ["--reuid", String(uid), "--regid", String(uid), "--clear-groups"];
}

/** Why the machine cannot run such tests, if it cannot. */
export function missingForRootless(): string | undefined {
  if (Deno.uid() !== 0) return "needs root, to become another user";
  const tries = [["unshare", "--user", "--map-root-user", "true"], [pathUnderTest(), "--version"]];
  for (const argv of tries) {
    const { success, stderr } = new Deno.Command("setpriv", { args: [...asUser(), ...argv] }).outputSync();
    if (!success) return `${argv.join(" ")} as another user: ${new TextDecoder().decode(stderr).trim()}`;
  }
  return undefined;
}

/** A user's bundle, state directory and commands. */
export class RootlessContainer {
  readonly id: string;
  readonly bundle: { dir: string; rootfs: string };

  private constructor(readonly box: Box, readonly who: Who) {
    this.id = `${box.token}-user`;
    this.bundle = makeBundle(box.dir);
  }

  /**
   * Makes a bundle that belongs to the user, with the config that `spec --rootless` writes, changed by
   * `overrides`.
   */
  static async make(box: Box, overrides: Dict = {}, who: Who = { uid: USER }): Promise<RootlessContainer> {
    const container = new RootlessContainer(box, who);
    const { dir } = container.bundle;
    Deno.mkdirSync(box.root);
    for (const path of [dir, box.root]) await host("/bin/chown", "-hR", `${who.uid}:${who.uid}`, path);
    for (const [name, text] of Object.entries(DATABASES)) Deno.writeTextFileSync(`${box.dir}/${name}`, text);
    const tool = `#!/bin/sh\n${who.newuidmap}\n`;
    if (who.newuidmap) Deno.writeTextFileSync(`${box.dir}/newuidmap`, tool, { mode: 0o755 });
    const { code, stderr } = await container.run("spec", "--rootless", "--bundle", dir);
    if (code !== 0) throw new Error(`spec --rootless: ${stderr}`);
    container.configure({ process: { terminal: false }, ...overrides });
    return container;
  }

  /** Changes the config. */
  configure(overrides: Dict): void {
    const path = `${this.bundle.dir}/config.json`;
    const config = merge(JSON.parse(Deno.readTextFileSync(path)), overrides);
    Deno.writeTextFileSync(path, JSON.stringify(config));
  }

  /** Runs the runtime as the user. */
  run(...args: string[]): Promise<Result> {
    const { box, who } = this;
    const command = ["/usr/bin/setpriv", ...asUser(who.uid), box.runtime.path, "--root", box.root, ...args];
    const mounts = Object.keys(DATABASES).map((name) => `mount --bind ${box.dir}/${name} /etc/${name}`);
    if (who.newuidmap) mounts.push(`mount --bind ${box.dir}/newuidmap /usr/bin/newuidmap`);
    const script = [...mounts, 'exec "$@"'].join(" && ");
    const argv = who.subordinate
      ? ["/usr/bin/unshare", "--mount", "--propagation", "private", "/bin/sh", "-c", script, "sh", ...command]
      : command;
    const env = {
      PATH: "/usr/bin:/bin:/usr/sbin:/sbin",
      XDG_RUNTIME_DIR: who.runtimeDir ?? `${this.bundle.dir}/runtime`,
    };
    return box.command(argv, { env });
  }

  /** Removes the container, if there is one. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.run("delete", "--force", this.id);
  }

  /** `run` of the container. */
  start(...flags: string[]): Promise<Result> {
    return this.run("run", "--bundle", this.bundle.dir, ...flags, this.id);
  }
}

/** The files of /etc of a user with subordinate ids. */
const DATABASES = {
  subuid: `tsrun-test:${SUBORDINATE}:65536\n`,
  subgid: `tsrun-test:${SUBORDINATE}:65536\n`,
  passwd: `root:x:0:0::/root:/bin/sh\ntsrun-test:x:${USER}:${USER}::/:/bin/sh\n`,
};
