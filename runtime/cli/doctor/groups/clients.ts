/**
 * Which clients are installed, and whether their configuration names tsrun.
 * @module
 */

import { type DoctorHost, type Finding, fine, type Group } from "../finding.ts";

/** A client: its program, its files (a directory holds drop-in files), and the command that configures it. */
interface Client {
  name: string;
  program: string;
  files: readonly string[];
  configure: string;
}

const CLIENTS: readonly Client[] = [
  {
    name: "docker",
    program: "dockerd",
    files: ["/etc/docker/daemon.json", "$HOME/.config/docker/daemon.json"],
    configure: "tsrun configure docker",
  },
  {
    name: "containerd",
    program: "containerd",
    files: ["/etc/containerd/config.toml", "/etc/containerd/conf.d"],
    configure: "tsrun configure containerd",
  },
  {
    name: "podman",
    program: "podman",
    files: [
      "/etc/containers/containers.conf",
      "/etc/containers/containers.conf.d",
      "/usr/share/containers/containers.conf",
      "$HOME/.config/containers/containers.conf",
      "$HOME/.config/containers/containers.conf.d",
    ],
    configure: "tsrun configure podman",
  },
  {
    name: "crio",
    program: "crio",
    files: ["/etc/crio/crio.conf", "/etc/crio/crio.conf.d"],
    configure: "tsrun configure crio",
  },
  // nerdctl takes the runtime by a flag, or from its own file, and runs it by containerd.
  {
    name: "nerdctl",
    program: "nerdctl",
    files: ["/etc/nerdctl/nerdctl.toml", "$HOME/.config/nerdctl/nerdctl.toml"],
    configure: "nerdctl run --runtime tsrun",
  },
];

/** Where programs are looked for, behind the caller's PATH. */
const DIRECTORIES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export const clients: Group = {
  name: "clients",
  title: "Clients",
  async look(host): Promise<Finding[]> {
    const findings: Finding[] = [], absent: string[] = [];
    for (const client of CLIENTS) {
      const path = programPath(host, client.program);
      if (path === undefined) absent.push(client.name);
      else findings.push(configured(host, client, path, await host.trials.firstLine(path, ["--version"])));
    }
    if (findings.length > 0) {
      if (absent.length > 0) findings.push(fine("others", `not installed: ${absent.join(", ")}`));
      return findings;
    }
    return [{
      ...{
        name: "clients",
        state: "limited",
        needed: false,
        says: `none of ${absent.join(", ")} is installed`,
      },
      means: "containers are made by hand: tsrun run",
      mend: "apt install podman",
    }];
  },
};

function programPath({ env, view }: DoctorHost, name: string): string | undefined {
  const directories = `${env.PATH ?? ""}:${DIRECTORIES}`.split(":").filter((it) => it.startsWith("/"));
  return directories.map((it) => `${it}/${name}`).find((it) => view.kind(it) === "program");
}

function configured(host: DoctorHost, client: Client, path: string, version: string | undefined): Finding {
  const { name, configure } = client, shown = version === undefined ? path : `${path}, ${version}`;
  const file = configFiles(host, client).find((it) => namesTsrun(host.view.read(it) ?? ""));
  if (file !== undefined) return fine(name, `${shown}; ${file} names tsrun`);
  return {
    ...{ name, state: "limited", needed: false, says: `${shown}; no configuration names tsrun` },
    means: `${name} does not use tsrun by itself`,
    mend: configure,
  };
}

/** The client's files, those of drop-in directories as well. */
function configFiles({ env, view }: DoctorHost, { files }: Client): string[] {
  const places = files.filter((it) => !it.startsWith("$HOME") || env.HOME !== undefined)
    .map((it) => it.replace("$HOME", env.HOME ?? ""));
  return places.flatMap((it) =>
    view.kind(it) === "directory" ? view.names(it).map((name) => `${it}/${name}`) : [it]
  );
}

/** Whether a line that is no comment names tsrun. */
function namesTsrun(text: string): boolean {
  return text.split("\n").some((line) => /\btsrun\b/.test(line) && !/^\s*(#|\/\/)/.test(line));
}
