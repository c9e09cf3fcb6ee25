/**
 * @module
 */
import assert from "node:assert/strict";
import { detectContainer } from "../../../lib/cli/container.ts";

/** A machine with these files, and nothing else. */
function detect(
  files: Readonly<Record<string, string>>,
  env: Readonly<Record<string, string>> = {},
): string | undefined {
  return detectContainer({
    exists: (path) => Object.hasOwn(files, path),
    read: (path) => Object.hasOwn(files, path) ? files[path] : undefined,
    env: (name) => env[name],
  });
}

const HOST: Readonly<Record<string, string>> = {
  "/proc/self/cgroup": "0::/user.slice/user-1000.slice/session-2.scope\n",
  "/proc/1/cmdline": "/sbin/init\0splash\0",
  "/proc/mounts": "/dev/sda1 / ext4 rw,relatime 0 0\noverlay /var/lib/x overlay rw 0 0\n",
};

Deno.test("detectContainer(), finds none on a host", () => assert.equal(detect(HOST), undefined));

Deno.test("detectContainer(), finds none where nothing can be read", () => assert.equal(detect({}), undefined));

const SIGNS: readonly (readonly [files: Readonly<Record<string, string>>, sign: string])[] = [
  [{ "/run/.containerenv": "" }, "/run/.containerenv"],
  [{ "/.dockerenv": "" }, "/.dockerenv"],
  [{ "/var/run/secrets/kubernetes.io/serviceaccount": "" }, "/var/run/secrets/kubernetes.io/serviceaccount"],
  [{ "/proc/self/cgroup": "12:pids:/kubepods/besteffort/pod1\n" }, "/proc/self/cgroup"],
  [{ "/proc/self/cgroup": "1:name=systemd:/docker/abc\n" }, "/proc/self/cgroup"],
  [{ "/proc/vz": "" }, "/proc/vz"],
  [{ "/__runsc_containers__": "" }, "/__runsc_containers__"],
  [{ "/proc/1/cmdline": "/usr/bin/podman-init\0" }, "/proc/1/cmdline"],
  [{ "/proc/version_signature": "Microsoft 5.10-microsoft 5.10.1" }, "/proc/version_signature"],
  [{ "/run/systemd/container": "systemd-nspawn\n" }, "/run/systemd/container"],
  [{ "/proc/mounts": "overlay / overlay rw,lowerdir=/x 0 0\n" }, "an overlay mounted on /"],
];
for (const [files, sign] of SIGNS) {
  Deno.test(`detectContainer(), finds one by ${JSON.stringify(files)}`, () => {
    assert.equal(detect({ ...HOST, ...files }), sign);
  });
}

Deno.test("detectContainer(), finds one by the variable that systemd sets", () => {
  assert.equal(detect(HOST, { container: "lxc" }), 'the environment variable "container"');
  assert.equal(detect(HOST, { container: "other" }), undefined);
});

Deno.test("detectContainer(), knows the host of OpenVZ from its containers", () => {
  assert.equal(detect({ ...HOST, "/proc/vz": "", "/proc/bc": "" }), undefined);
});

Deno.test("detectContainer(), goes by the first sign", () => {
  assert.equal(detect({ "/.dockerenv": "", "/__runsc_containers__": "" }), "/.dockerenv");
});
