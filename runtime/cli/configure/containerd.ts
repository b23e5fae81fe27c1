/**
 * The runtimes of containerd's CRI plug-in, which Kubernetes uses.
 *
 * containerd 2 merges what drop-in files say about a plug-in. containerd 1 replaces the plug-in's whole part
 * by that of the drop-in file, so there the tables go into the main file, in a block of their own.
 * @module
 */
import { type FileChange, readClientFile, wrongFile } from "./change.ts";
import { type ClientPlan, heading, ownFile, type Wish } from "./plan.ts";
import { addToArray, appendBlock, hasTable, readKey, setKey, splitBlock, stringsOf } from "./toml_edit.ts";

/** The plug-in by the version of the file. */
function pluginOf(version: number): string {
  return version >= 3 ? "io.containerd.cri.v1.runtime" : "io.containerd.grpc.v1.cri";
}

/** Decides what is to be done for containerd. */
export function planContainerd(wish: Wish): ClientPlan {
  const { user, name, remove } = wish;
  const path = wish.file ??
    (user ? `${user.configHome}/containerd/config.toml` : "/etc/containerd/config.toml");
  const before = readClientFile(path);
  const version = before === undefined ? installedVersion() : versionOf(path, before);
  return {
    files: version >= 3
      ? dropIn(wish, path, before, version)
      : [{ path, before, after: inMain(wish, path, before) }],
    reload: user ? "systemctl --user restart containerd" : "systemctl restart containerd",
    notes: remove
      ? []
      : [...disabled(before), `then, for Kubernetes: tsrun configure kubernetes --name ${name}`],
  };
}

/** A file without a version has the first one. */
function versionOf(path: string, text: string): number {
  const version = Number(readKey(text, [], "version") ?? 1);
  if (version >= 2) return version;
  throw wrongFile(path, `is of version ${version}, which is not supported (containerd config migrate)`);
}

/** The version for a new file: what the installed containerd takes; the older one where that is not known. */
function installedVersion(): number {
  try {
    const { stdout } = new Deno.Command("containerd", { args: ["--version"], stderr: "null" }).outputSync();
    return / v?[2-9]\.\d/.test(new TextDecoder().decode(stdout)) ? 3 : 2;
  } catch {
    return 2;
  }
}

/** docker's packages switch the plug-in off. */
function disabled(text = ""): string[] {
  const off = stringsOf(readKey(text, [], "disabled_plugins") ?? "");
  return off.some((name) => /(^|\.)cri$/.test(name))
    ? ["the CRI plug-in is in disabled_plugins: Kubernetes cannot use this containerd until it is taken out"]
    : [];
}

/** The tables of the runtime. */
function tables({ name, program }: Wish, version: number, systemd: boolean): string {
  const table = `plugins."${pluginOf(version)}".containerd.runtimes.${name}`;
  return `[${table}]\n  runtime_type = "io.containerd.runc.v2"\n\n  [${table}.options]\n` +
    `    BinaryName = ${JSON.stringify(program)}\n${systemd ? "    SystemdCgroup = true\n" : ""}`;
}

/** Whether runc's containers are in systemd's cgroups: kubelet and all runtimes have to agree. */
function usesSystemd(text: string | undefined, version: number): boolean {
  const options = ["plugins", pluginOf(version), "containerd", "runtimes", "runc", "options"];
  return readKey(text ?? "", options, "SystemdCgroup") === "true";
}

function dropIn(wish: Wish, main: string, before: string | undefined, version: number): FileChange[] {
  const { name, isDefault, remove } = wish;
  const directory = `${main.slice(0, main.lastIndexOf("/"))}/conf.d`, path = `${directory}/${name}.toml`;
  if (remove) return [ownFile(path, undefined)];
  const choice = `[plugins."${pluginOf(version)}".containerd]\n  default_runtime_name = "${name}"\n\n`;
  const text = `${heading("containerd", name)}version = ${version}\n\n${isDefault ? choice : ""}` +
    tables(wish, version, usesSystemd(before, version));
  const pattern = `${directory}/*.toml`, imports = stringsOf(readKey(before ?? "", [], "imports") ?? "");
  const known = imports.some((one) => one === pattern || one === path || one === "conf.d/*.toml");
  const after = known ? before : addToArray(before ?? `version = ${version}\n`, "imports", pattern);
  return [ownFile(path, text), { path: main, before, after }];
}

function inMain(wish: Wish, path: string, before: string | undefined): string | undefined {
  const { name, isDefault, remove } = wish, version = 2;
  const containerd = ["plugins", pluginOf(version), "containerd"];
  let { rest } = splitBlock(before ?? `version = ${version}\n`, name);
  if (remove) {
    if (before === undefined) return undefined;
    const ours = readKey(rest, containerd, "default_runtime_name") === JSON.stringify(name);
    return ours ? setKey(rest, containerd, "default_runtime_name", '"runc"') : rest;
  }
  if (hasTable(rest, [...containerd, "runtimes", name])) {
    throw wrongFile(path, `has a runtime "${name}" that configure did not write (choose another --name)`);
  }
  let choice = "";
  if (isDefault && hasTable(rest, containerd)) {
    rest = setKey(rest, containerd, "default_runtime_name", JSON.stringify(name));
  } else if (isDefault) {
    choice = `[plugins."${containerd[1]}".containerd]\n  default_runtime_name = "${name}"\n\n`;
  }
  return appendBlock(rest, name, choice + tables(wish, version, usesSystemd(rest, version)));
}
