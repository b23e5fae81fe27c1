/**
 * What `configure` changes for each client: which files, how they become, and how the client takes notice.
 *
 * Sources: dockerd(8) and daemon.json, containerd-config.toml(5), crio.conf.d(5), containers.conf(5), the
 * RuntimeClass of Kubernetes.
 * @module
 */
import { RuntimeError } from "../../../ffi/errors.ts";
import { readClientFile, wrongFile } from "./change.ts";
import { planContainerd } from "./containerd.ts";
import { JsonEditError, readValue, removeValue, setValue } from "./json_edit.ts";
import { type Client, type ClientPlan, heading, ownFile, type Wish } from "./plan.ts";

const PLANS: Readonly<Record<Client, (wish: Wish) => ClientPlan>> = {
  docker: planDocker,
  containerd: planContainerd,
  crio: planCrio,
  podman: planPodman,
  kubernetes: planKubernetes,
};

/** Decides what is to be done for a client. @throws {RuntimeError} Why nothing can be done. */
export function planClient(client: Client, wish: Wish): ClientPlan {
  const plan = PLANS[client](wish);
  return { ...plan, files: plan.files.filter(({ before, after }) => before !== after) };
}

/** Runtimes of daemon.json: dockerd reads them again when it gets a SIGHUP. */
function planDocker({ name, program, isDefault, remove, file, user }: Wish): ClientPlan {
  if (name === "runc") {
    throw new RuntimeError("EINVAL_FLAG", 'docker keeps the name "runc" for itself: choose another --name');
  }
  const path = file ?? (user ? `${user.configHome}/docker/daemon.json` : "/etc/docker/daemon.json");
  const before = readClientFile(path);
  let after = before ?? "";
  try {
    if (remove) {
      after = removeValue(after, ["runtimes", name]);
      if (readValue(after, ["default-runtime"]) === name) after = removeValue(after, ["default-runtime"]);
    } else {
      after = setValue(after, ["runtimes", name, "path"], program);
      if (isDefault) after = setValue(after, ["default-runtime"], name);
    }
  } catch (error) {
    if (error instanceof JsonEditError) throw wrongFile(path, error.message);
    throw error;
  }
  return {
    files: [{ path, before, after: before === undefined && remove ? undefined : after }],
    // At a reload dockerd adds runtimes, and keeps those that are no longer in the file.
    reload: `systemctl ${user ? "--user " : ""}${remove ? "restart" : "reload"} docker`,
    notes: remove ? [] : [`then: docker run --runtime ${name} ...`],
  };
}

/** CRI-O reads every file of its directory. */
function planCrio(wish: Wish): ClientPlan {
  const { name, program, isDefault, remove } = wish;
  const path = wish.file ?? `/etc/crio/crio.conf.d/50-${name}.conf`;
  const text =
    `${heading("crio", name)}${isDefault ? `[crio.runtime]\ndefault_runtime = "${name}"\n\n` : ""}` +
    `[crio.runtime.runtimes.${name}]\nruntime_path = ${JSON.stringify(program)}\nruntime_type = "oci"\n` +
    `runtime_root = "/run/${name}"\n`;
  return {
    files: [ownFile(path, remove ? undefined : text)],
    reload: "systemctl restart crio",
    notes: remove ? [] : [`then, for Kubernetes: tsrun configure kubernetes --name ${name}`],
  };
}

/** podman reads every file of its directory, each time that it is called. */
function planPodman(wish: Wish): ClientPlan {
  const { name, program, isDefault, remove, user } = wish;
  const place = user ? `${user.configHome}/containers` : "/etc/containers";
  const path = wish.file ?? `${place}/containers.conf.d/50-${name}.conf`;
  const text = `${heading("podman", name)}${isDefault ? `[engine]\nruntime = "${name}"\n\n` : ""}` +
    `[engine.runtimes]\n${name} = [${JSON.stringify(program)}]\n`;
  return {
    files: [ownFile(path, remove ? undefined : text)],
    notes: remove ? [] : [`then: podman --runtime ${name} run ...`],
  };
}

/** The documents that make a runtime of the nodes known to Kubernetes, and a pod that tries it. */
function planKubernetes({ name, isDefault, remove, file }: Wish): ClientPlan {
  if (isDefault || remove || file !== undefined) {
    throw new RuntimeError(
      "EINVAL_FLAG",
      "configure kubernetes prints documents and changes no file: it takes --name only " +
        "(the default runtime is that of the nodes: configure containerd or crio)",
    );
  }
  const manifest = `apiVersion: node.k8s.io/v1
kind: RuntimeClass
metadata:
  name: ${name}
handler: ${name}
---
apiVersion: v1
kind: Pod
metadata:
  name: ${name}-test
spec:
  runtimeClassName: ${name}
  restartPolicy: Never
  containers:
  - name: test
    image: docker.io/library/busybox
    command: ["sh", "-c", "echo works"]
`;
  return {
    files: [],
    manifest,
    notes: ["every node needs the runtime of this name: tsrun configure containerd, or crio"],
  };
}
