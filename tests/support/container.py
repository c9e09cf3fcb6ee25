"""Becomes a program in a container: its root is an overlay over a folder, with the mounts a runtime makes, and it has
Docker's default capabilities. No runtime takes part, so the program is this very process, and can be killed like any other.

The first argument is a JSON object (see container.ts), what follows is given to the program. Everything is mounted in a namespace of
its own; nothing of it is left when the last process in it is gone. Nothing here is shared with the product.
"""
import ctypes
import json
import os
import stat
import sys

libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNS, CLONE_NEWUTS, MS_RDONLY, MS_REMOUNT, MS_BIND, MS_REC, MS_PRIVATE = 0x20000, 0x4000000, 1, 32, 4096, 16384, 1 << 18
MNT_DETACH, SYS_PIVOT_ROOT, PR_CAPBSET_DROP = 2, 155, 24
DOCKER = 0xA80425FB


def check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        sys.exit("container.py: cannot %s: %s" % (what, os.strerror(number)))


def mount(source, target, kind, flags=0, data=None):
    text = [item.encode() if item is not None else None for item in (source, target, kind, data)]
    check(libc.mount(text[0], text[1], text[2], flags, text[3]), "mount " + target)


def bind(source, target, read_only=False):
    folder = os.path.isdir(source)
    if folder:
        os.makedirs(target, exist_ok=True)
    elif not os.path.lexists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        open(target, "w").close()
    mount(source, target, None, MS_BIND | MS_REC)
    if read_only:
        mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY)


def write(path, text):
    with open(path, "w") as file:
        file.write(text)
    return path


how = json.loads(sys.argv[1])
words = sys.argv[2:]
if words[: len(how["inPlaceOf"])] == how["inPlaceOf"]:
    words = words[len(how["inPlaceOf"]) :]
program = how["program"] + words
check(libc.unshare(CLONE_NEWNS | CLONE_NEWUTS), "make namespaces")
check(libc.sethostname(b"container", 9), "set the host name")
mount(None, "/", None, MS_REC | MS_PRIVATE)
# A folder that every Debian has and that nobody misses here.
mount("scratch", "/mnt", "tmpfs")
for name in ("upper", "work", "root", "files"):
    os.mkdir("/mnt/" + name)
upper, work = "/mnt/upper", "/mnt/work"
if how.get("state"):
    upper, work = how["state"] + "/upper", how["state"] + "/work"
    os.makedirs(upper, exist_ok=True)
    os.makedirs(work, exist_ok=True)
root = "/mnt/root"
mount("overlay", root, "overlay", 0, "lowerdir=%s,upperdir=%s,workdir=%s" % (how["image"], upper, work))

for path, text in how.get("files", {}).items():
    os.makedirs(os.path.dirname(root + path), exist_ok=True)
    write(root + path, text)
for path in ("proc", "sys", "dev", "etc"):
    os.makedirs("%s/%s" % (root, path), exist_ok=True)
mount("proc", root + "/proc", "proc")
mount("sysfs", root + "/sys", "sysfs", MS_RDONLY)
mount("tmpfs", root + "/dev", "tmpfs", 0, "mode=755")
os.umask(0)
for name, minor in (("null", 3), ("zero", 5), ("full", 7), ("random", 8), ("urandom", 9)):
    os.mknod("%s/dev/%s" % (root, name), stat.S_IFCHR | 0o666, os.makedev(1, minor))
for name, target in (("fd", "/proc/self/fd"), ("stdin", "/proc/self/fd/0"), ("stdout", "/proc/self/fd/1")):
    os.symlink(target, "%s/dev/%s" % (root, name))
os.mkdir(root + "/dev/shm", 0o1777)
mount("shm", root + "/dev/shm", "tmpfs")
bind(write("/mnt/files/termination-log", ""), root + "/dev/termination-log")
os.umask(0o022)
bind("/etc/resolv.conf", root + "/etc/resolv.conf")
bind("/etc/hosts", root + "/etc/hosts")
bind(write("/mnt/files/hostname", "container\n"), root + "/etc/hostname")
os.mkdir("/mnt/files/account")
write("/mnt/files/account/token", "a.service.account")
bind("/mnt/files/account", root + "/var/run/secrets/kubernetes.io/serviceaccount", True)
for entry in how.get("binds", []):
    bind(entry["from"], root + entry["to"], entry.get("readOnly", False))
if how.get("readOnlyRoot"):
    mount(None, root, None, MS_REMOUNT | MS_BIND | MS_RDONLY)

os.chdir(root)
check(libc.syscall(SYS_PIVOT_ROOT, b".", b"."), "enter the root")
check(libc.umount2(b".", MNT_DETACH), "leave the machine")
os.chdir(how.get("cwd", "/workspace" if os.path.isdir("/workspace") else "/"))

kept = how.get("capabilities", DOCKER)
for number in range(64):
    if not kept >> number & 1:
        libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0)
header = (ctypes.c_uint32 * 2)(0x20080522, 0)
data = (ctypes.c_uint32 * 6)(kept & 0xFFFFFFFF, kept & 0xFFFFFFFF, 0, kept >> 32, kept >> 32, 0)
check(libc.capset(header, data), "give up capabilities")
os.execv(program[0], program)
