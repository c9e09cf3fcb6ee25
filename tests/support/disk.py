"""Writes, lists and changes trees for disk.ts: one JSON request a line, one JSON reply a line, texts are byte strings.

Nothing here is shared with the product: it is what the product's extractors and comparisons are checked against.
"""
import errno
import hashlib
import json
import os
import socket
import stat
import sys
import tarfile


def raw(text):
    return text.encode("latin1")


def text(data):
    return data.decode("latin1")


def nanoseconds(time):
    seconds, _, fraction = time.partition(".")
    rest = int(fraction.ljust(9, "0")[:9])
    return int(seconds) * 10**9 + (-rest if seconds.startswith("-") else rest)


def decimals(ns):
    sign = "-" if ns < 0 else ""
    return "%s%d.%09d" % (sign, abs(ns) // 10**9, abs(ns) % 10**9)


def set_meta(path, node):
    meta = node["meta"]
    link = node["type"] == "symlink"
    os.chown(path, meta.get("uid", 0), meta.get("gid", 0), follow_symlinks=False)
    if not link:
        os.chmod(path, node["mode"])
    for key, value in meta.get("xattrs", {}).items():
        os.setxattr(path, raw(key), raw(value), follow_symlinks=False)


def set_time(path, time):
    ns = nanoseconds(time)
    os.utime(path, ns=(ns, ns), follow_symlinks=False)


def make(root, path, node):
    kind = node["type"]
    if kind == "file":
        with open(path, "xb") as out:
            out.write(raw(node["content"]))
    elif kind == "directory":
        if not os.path.isdir(path):
            os.mkdir(path)
    elif kind == "symlink":
        os.symlink(raw(node["target"]), path)
    elif kind == "link":
        os.link(os.path.join(root, raw(node["target"])), path, follow_symlinks=False)
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "socket":
        make_socket(path)
    else:
        bits = stat.S_IFCHR if kind == "character" else stat.S_IFBLK
        os.mknod(path, bits | 0o600, os.makedev(*node["device"]))


def make_socket(path):
    # The address of a socket is short: it is bound through the descriptor of its directory.
    directory = os.open(os.path.dirname(path), os.O_RDONLY | os.O_DIRECTORY)  # a FIFO there would wait for its writer
    try:
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(b"/proc/self/fd/%d/%s" % (directory, os.path.basename(path)))
        listener.close()
    finally:
        os.close(directory)


def write(root, nodes):
    root = raw(root)
    os.makedirs(root, exist_ok=True)
    placed = [(os.path.join(root, raw(path)) if path else root, node) for path, node in nodes]
    for path, node in placed:
        make(root, path, node)
        if node["type"] != "link":
            set_meta(path, node)
    for path, node in reversed(placed):
        if node["type"] != "link":
            set_time(path, node["mtime"])


TYPES = {
    stat.S_IFREG: "file",
    stat.S_IFDIR: "directory",
    stat.S_IFLNK: "symlink",
    stat.S_IFCHR: "character",
    stat.S_IFBLK: "block",
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
}


def xattrs(path):
    try:
        names = os.listxattr(path, follow_symlinks=False)
    except OSError as error:
        if error.errno != errno.ENOTSUP:
            raise
        names = []
    found = {name: os.getxattr(path, name, follow_symlinks=False).hex() for name in names}
    found.pop("security.selinux", None)
    return found


def entries(directory):
    """Everything below, depth first, in byte order."""
    for name in sorted(os.listdir(directory)):
        path = os.path.join(directory, name)
        yield path
        if stat.S_ISDIR(os.lstat(path).st_mode):
            yield from entries(path)


def read(root):
    root = raw(root)
    listing, inodes = {}, {}
    for path in [root, *entries(root)]:
        status = os.lstat(path)
        kind = TYPES[stat.S_IFMT(status.st_mode)]
        shown = "/" + text(path[len(root) + 1:])
        entry = {
            "type": kind,
            "mode": "0777" if kind == "symlink" else "%04o" % stat.S_IMODE(status.st_mode),
            "uid": status.st_uid,
            "gid": status.st_gid,
            "mtime": decimals(status.st_mtime_ns),
        }
        if kind == "file":
            with open(path, "rb") as content:
                entry["sha256"] = hashlib.sha256(content.read()).hexdigest()
            entry["size"] = status.st_size
        if kind == "symlink":
            entry["target"] = text(os.readlink(path))
        if kind in ("character", "block"):
            entry["device"] = "%d,%d" % (os.major(status.st_rdev), os.minor(status.st_rdev))
        own = xattrs(path)
        if own:
            entry["xattrs"] = own
        if kind != "directory":
            inodes.setdefault((status.st_dev, status.st_ino), []).append(shown)
        listing[shown] = entry
    for names in inodes.values():
        for name in names:
            if len(names) > 1:
                listing[name]["sameAs"] = min(names)
    return listing


def remove(path):
    if stat.S_ISDIR(os.lstat(path).st_mode):
        for name in os.listdir(path):
            remove(os.path.join(path, name))
        os.rmdir(path)
    else:
        os.unlink(path)


def apply_layer(root, tar):
    """The plain reading of the image specification; whiteouts only hide what lower layers have."""
    root = raw(root)
    made = set()

    def place(name):
        parts = [part for part in os.fsencode(name).split(b"/") if part not in (b"", b".")]
        return os.path.join(root, *parts)

    def hide(path):
        if not os.path.lexists(path):
            return
        if stat.S_ISDIR(os.lstat(path).st_mode):
            before = os.stat(path).st_mtime_ns
            for name in os.listdir(path):
                hide(os.path.join(path, name))
            os.utime(path, ns=(before, before))
            if path not in made and not os.listdir(path):
                os.rmdir(path)
        elif path not in made:
            os.unlink(path)

    times = {}
    with tarfile.open(tar, mode="r:", encoding="utf-8", errors="surrogateescape") as archive:
        for member in archive:
            path = place(member.name)
            parent, name = os.path.split(path)
            for made_parent in make_parents(parent):
                times[made_parent] = member_time(member)
            before = os.stat(parent).st_mtime_ns
            if name == b".wh..wh..opq":
                for child in os.listdir(parent):
                    hide(os.path.join(parent, child))
            elif name.startswith(b".wh."):
                hide(os.path.join(parent, name[4:]))
            else:
                place_member(archive, member, path, place)
                made.add(path)
                if member.isdir():
                    times[path] = member_time(member)
            if parent not in times:
                os.utime(parent, ns=(before, before))
    for path, ns in times.items():
        if os.path.isdir(path) and not os.path.islink(path):
            os.utime(path, ns=(ns, ns))


def make_parents(path):
    """Makes missing directories and returns them; the time of the one that was there stays."""
    if os.path.isdir(path):
        return []
    above = os.path.dirname(path)
    made = make_parents(above)
    before = os.stat(above).st_mtime_ns
    if os.path.lexists(path):
        remove(path)
    os.mkdir(path)
    os.utime(above, ns=(before, before))
    return [*made, path]


def member_time(member):
    written = member.pax_headers.get("mtime")
    return nanoseconds(written) if written is not None else int(member.mtime) * 10**9


def place_member(archive, member, path, place):
    if member.isdir() and os.path.isdir(path) and not os.path.islink(path):
        for name in os.listxattr(path, follow_symlinks=False):
            os.removexattr(path, name)
    else:
        if os.path.lexists(path):
            remove(path)
        if member.islnk():
            os.link(place(member.linkname), path, follow_symlinks=False)
            return
        if member.isdir():
            os.mkdir(path)
        elif member.issym():
            os.symlink(os.fsencode(member.linkname), path)
        elif member.isfifo():
            os.mkfifo(path)
        elif member.ischr() or member.isblk():
            bits = stat.S_IFCHR if member.ischr() else stat.S_IFBLK
            os.mknod(path, bits | 0o600, os.makedev(member.devmajor, member.devminor))
        else:
            with open(path, "xb") as out:
                out.write(archive.extractfile(member).read())
    os.chown(path, member.uid, member.gid, follow_symlinks=False)
    if not member.issym():
        os.chmod(path, member.mode)
    for key, value in member.pax_headers.items():
        if key.startswith("SCHILY.xattr."):
            name = key[len("SCHILY.xattr."):]
            os.setxattr(path, os.fsencode(name), os.fsencode(value), follow_symlinks=False)
    ns = member_time(member)
    os.utime(path, ns=(ns, ns), follow_symlinks=False)


def change(root, operations, outcomes):
    """Makes each change that is possible; with `outcomes` exactly those that were possible elsewhere, the same way."""
    root = raw(root)
    results = []
    for at, operation in enumerate(operations):
        if outcomes is not None and outcomes[at] is None:
            results.append(None)
            continue
        try:
            how = "moved" if outcomes is not None and outcomes[at] == "moved" else ""
            results.append(change_one(root, operation, how) or "done")
        except OSError as error:
            if outcomes is not None:
                raise RuntimeError("%s worked elsewhere: %s" % (operation, error)) from error
            results.append(None)
    return results


def change_one(root, operation, how):
    kind = operation["do"]
    path = os.path.join(root, raw(operation["path"]))
    to = os.path.join(root, raw(operation["to"])) if "to" in operation else None
    if kind == "make":
        node = operation["node"]
        if os.path.lexists(path):
            raise OSError(errno.EEXIST, "it is there")
        make(root, path, node)
        set_meta(path, node)
        set_time(path, node["mtime"])
    elif kind == "replace":
        remove(path)
        change_one(root, {**operation, "do": "make"}, "")
    elif kind == "remove":
        remove(path)
    elif kind == "link":
        os.link(path, to, follow_symlinks=False)
    elif kind == "rename":
        return rename(path, to, how)
    elif kind == "chmod":
        if not stat.S_ISLNK(os.lstat(path).st_mode):
            os.chmod(path, operation["mode"])
    elif kind == "chown":
        os.chown(path, operation["uid"], operation["gid"], follow_symlinks=False)
    elif kind == "rechown":
        status = os.lstat(path)
        os.chown(path, status.st_uid, status.st_gid, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            os.chmod(path, stat.S_IMODE(status.st_mode))
    elif kind == "touch":
        set_time(path, operation["mtime"])
    elif kind == "write":
        overwrite(path, raw(operation["content"]), None)
    elif kind == "rewrite":
        overwrite(path, None, operation["bytes"])
    elif kind == "setxattr":
        os.setxattr(path, raw(operation["key"]), raw(operation["value"]), follow_symlinks=False)
    elif kind == "removexattr":
        os.removexattr(path, raw(operation["key"]), follow_symlinks=False)
    else:
        raise ValueError(kind)
    return None


def rename(path, to, how):
    if how == "moved":
        move(path, to)
        return "moved"
    try:
        os.rename(path, to)
        return None
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
    # Overlays do not rename directories that come from below; mv copies them then.
    move(path, to)
    return "moved"


def move(path, to):
    if os.path.lexists(to):
        os.rmdir(to)
    copy(path, to)
    remove(path)


def copy(path, to):
    status = os.lstat(path)
    if stat.S_ISDIR(status.st_mode):
        os.mkdir(to)
        for name in sorted(os.listdir(path)):
            copy(os.path.join(path, name), os.path.join(to, name))
    elif stat.S_ISLNK(status.st_mode):
        os.symlink(os.readlink(path), to)
    elif stat.S_ISREG(status.st_mode):
        with open(path, "rb") as source, open(to, "xb") as target:
            target.write(source.read())
    elif stat.S_ISSOCK(status.st_mode):
        make_socket(to)
    else:
        os.mknod(to, status.st_mode, status.st_rdev)
    os.chown(to, status.st_uid, status.st_gid, follow_symlinks=False)
    if not stat.S_ISLNK(status.st_mode):
        os.chmod(to, stat.S_IMODE(status.st_mode))
    for name, value in xattrs(path).items():
        os.setxattr(to, raw(name), bytes.fromhex(value), follow_symlinks=False)
    os.utime(to, ns=(status.st_mtime_ns, status.st_mtime_ns), follow_symlinks=False)


def overwrite(path, content, same_size):
    """Writes in place; `same_size` keeps size and time, so that only ctime tells (its value picks the bytes)."""
    if not stat.S_ISREG(os.lstat(path).st_mode):
        raise OSError(errno.EINVAL, "not a file")
    status = os.stat(path)
    with open(path, "r+b") as out:
        if same_size is None:
            out.truncate()
            out.write(content)
        else:
            out.write((raw(same_size) * status.st_size)[:status.st_size])
    if same_size is not None:
        os.utime(path, ns=(status.st_mtime_ns, status.st_mtime_ns))


def settle(root, after, time):
    """Gives everything that changed after a moment one time, so that the same changes made later look the same."""
    root, limit, ns = raw(root), nanoseconds(after), nanoseconds(time)
    for path in [*entries(root), root]:
        if os.lstat(path).st_mtime_ns > limit:
            os.utime(path, ns=(ns, ns), follow_symlinks=False)


REQUESTS = {
    "write": write,
    "read": read,
    "applyLayer": apply_layer,
    "change": change,
    "settle": settle,
    "remove": lambda path: remove(raw(path)),
}

os.umask(0o022)
for line in sys.stdin.buffer:
    request = json.loads(line)
    try:
        reply = {"value": REQUESTS[request["call"]](*request["arguments"])}
    except Exception as error:
        reply = {"error": "%s: %s" % (type(error).__name__, error)}
    sys.stdout.write(json.dumps(reply) + "\n")
    sys.stdout.flush()
