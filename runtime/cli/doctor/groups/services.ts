/**
 * systemd with its bus, and CRIU.
 * @module
 */

import { type Finding, fine, type Group, isRoot } from "../finding.ts";

export const systemd: Group = {
  name: "systemd",
  title: "systemd",
  async look(host): Promise<Finding[]> {
    const { view, trials } = host, root = isRoot(host);
    if (view.kind("/run/systemd/system") !== "directory") {
      return [{
        ...{ name: "manager", state: "missing", needed: false, says: "systemd does not run" },
        means: "--systemd-cgroup, which Kubernetes and podman often use, is refused",
        mend: "use the cgroupfs driver, in the client's configuration",
      }];
    }
    const bus = root ? "system" : "user", answer = await trials.systemd(bus);
    if ("release" in answer) return [fine("manager", `release ${answer.release} answers on the ${bus} bus`)];
    return [{
      ...{ name: "manager", state: "missing", needed: false, says: answer.reason },
      means: root
        ? "--systemd-cgroup is refused"
        : "containers of this user get no cgroups of their own, and no limits",
      mend: root
        ? "apt install dbus; systemctl start dbus"
        : `apt install dbus-user-session; loginctl enable-linger; export XDG_RUNTIME_DIR=/run/user/${view.uid}`,
    }];
  },
};

export const criu: Group = {
  name: "criu",
  title: "CRIU",
  async look(host): Promise<Finding[]> {
    const name = "criu", answer = await host.trials.criu(host.criu);
    if ("reason" in answer) {
      return [{
        ...{ name, state: "missing", needed: false, says: answer.reason },
        means: "no checkpoint and restore",
        mend: "apt install criu",
      }];
    }
    const { path, version, check } = answer;
    const text = `${path}, version ${Math.floor(version / 10000)}.${Math.floor(version / 100) % 100}`;
    if (!isRoot(host)) {
      return [{
        ...{ name, state: "limited", needed: false, says: text },
        means: "only root can checkpoint and restore",
        mend: "run as root",
      }];
    }
    if (check === undefined) return [fine(name, `${text}: its check of this kernel is fine`)];
    return [{
      ...{ name, state: "limited", needed: false, says: `${text}: criu check: ${check}` },
      means: "checkpoints of some containers fail",
      mend: "criu check --all names what this kernel lacks",
    }];
  },
};
