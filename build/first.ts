/**
 * `./x first`: a first container. Makes a bundle from busybox in a temporary directory, runs it with
 * dist/tsrun, prints every command, and removes what it made.
 * @module
 */
const TSRUN = new URL("../dist/tsrun", import.meta.url).pathname;
const APPLETS: readonly string[] = ["sh", "echo", "hostname", "id", "ps", "ls", "uname"];
const SCRIPT = 'echo "hello from $(hostname), running as $(id -un), process $$"; ps';

/** The statically linked busybox of the host. */
function findBusybox(): string {
  for (const path of ["/bin/busybox", "/usr/bin/busybox"]) {
    try {
      if (Deno.statSync(path).isFile) return path;
    } catch {
      // This path has no busybox: try the next one.
    }
  }
  throw new Error("no busybox: apt-get install busybox-static");
}

/** Runs a command in sight of the user and returns its exit status. */
function show(program: string, args: string[]): number {
  console.log(`$ ${[program, ...args].join(" ")}`);
  return new Deno.Command(program, { args, stdout: "inherit", stderr: "inherit" }).outputSync().code;
}

/** Makes DIR/rootfs and DIR/config.json. */
function makeBundle(dir: string): void {
  const bin = `${dir}/rootfs/bin`;
  Deno.mkdirSync(bin, { recursive: true });
  for (const path of ["dev", "etc", "proc", "root", "sys", "tmp"]) Deno.mkdirSync(`${dir}/rootfs/${path}`);
  Deno.writeTextFileSync(`${dir}/rootfs/etc/passwd`, "root:x:0:0:root:/root:/bin/sh\n");
  Deno.copyFileSync(findBusybox(), `${bin}/busybox`);
  Deno.chmodSync(`${bin}/busybox`, 0o755);
  for (const applet of APPLETS) Deno.symlinkSync("busybox", `${bin}/${applet}`);
  if (show(TSRUN, ["spec", "--bundle", dir]) !== 0) throw new Error("tsrun spec failed");
  const config = JSON.parse(Deno.readTextFileSync(`${dir}/config.json`));
  config.process.terminal = false;
  config.process.args = ["sh", "-c", SCRIPT];
  config.hostname = "first";
  Deno.writeTextFileSync(`${dir}/config.json`, JSON.stringify(config, null, 2));
}

function main(): number {
  if (Deno.uid() !== 0) throw new Error("needs root: run it with sudo");
  const dir = Deno.makeTempDirSync({ prefix: "tsrun-first-" });
  try {
    makeBundle(dir);
    return show(TSRUN, ["run", "--bundle", dir, `first-${Deno.pid}`]);
  } finally {
    Deno.removeSync(dir, { recursive: true });
  }
}

try {
  Deno.exit(main());
} catch (error) {
  console.error(`first: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
