/**
 * Running programs where no user namespace can be made, as in containers: a filter like that of container runtimes
 * answers EPERM.
 *
 * @module
 */

import { ensureTools } from "./environment/tools.ts";

await ensureTools(["python3", "setpriv"]);

/** Loads the filter (x86-64) and executes its arguments. clone3 is missing, so that programs fall back to clone. */
const PYTHON = `
import ctypes, os, struct, sys
LOAD_WORD, JUMP_EQUAL, JUMP_BITS, RETURN = 0x20, 0x15, 0x45, 0x06
CLONE, UNSHARE, CLONE3, NEWUSER = 56, 272, 435, 0x10000000
ALLOW, ERRNO = 0x7fff0000, 0x00050000
program = [
    (LOAD_WORD, 0, 0, 0),
    (JUMP_EQUAL, 4, 0, CLONE3),
    (JUMP_EQUAL, 1, 0, CLONE),
    (JUMP_EQUAL, 0, 4, UNSHARE),
    (LOAD_WORD, 0, 0, 16),
    (JUMP_BITS, 1, 2, NEWUSER),
    (RETURN, 0, 0, ERRNO | 38),
    (RETURN, 0, 0, ERRNO | 1),
    (RETURN, 0, 0, ALLOW),
]
code = b"".join(struct.pack("HBBI", *line) for line in program)
buffer = ctypes.create_string_buffer(code)
fprog = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program), ctypes.addressof(buffer)))
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(317, 1, 0, fprog) != 0:
    sys.exit("cannot load the filter: errno %d" % ctypes.get_errno())
os.execvp(sys.argv[1], sys.argv[1:])
`;

/** Goes in front of a command line; to be run by root. */
export const WITHOUT_USER_NAMESPACES: readonly string[] = ["python3", "-c", PYTHON];

/** The same, and without the capability to mount: what a container without privileges allows. */
export const AS_IN_A_CONTAINER: readonly string[] = [
  ...WITHOUT_USER_NAMESPACES,
  "setpriv",
  "--bounding-set=-sys_admin",
  "--inh-caps=-all",
];
