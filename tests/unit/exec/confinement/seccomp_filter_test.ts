/**
 * The filter is run as the kernel runs it, by a small interpreter of classic BPF.
 *
 * @module
 */
import assert from "node:assert/strict";
import { AARCH64_CALLS, ARM_CALLS, I386_CALLS, X86_64_CALLS } from "../../../../lib/exec/confinement/call_numbers.ts";
import { seccompFilter } from "../../../../lib/exec/confinement/seccomp_filter.ts";

const X86_64 = 0xc000_003e;
const I386 = 0x4000_0003;
const AARCH64 = 0xc000_00b7;
const ARM = 0x4000_0028;

interface Call {
  readonly number: number;
  readonly architecture?: number;
  readonly first?: number;
  readonly machine?: "x86_64" | "aarch64";
}

/** Returns "allow" or the errno. */
function verdictOf({ number, architecture = X86_64, first = 0, machine = "x86_64" }: Call): string {
  const program = seccompFilter(machine);
  const view = new DataView(program.buffer);
  const data = new DataView(new ArrayBuffer(64));
  data.setUint32(0, number, true);
  data.setUint32(4, architecture, true);
  data.setUint32(16, first, true);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = view.getUint16(at * 8, true);
    const constant = view.getUint32(at * 8 + 4, true);
    const jump = (holds: boolean): number => view.getUint8(at * 8 + (holds ? 2 : 3));
    if (code === 0x20) accumulator = data.getUint32(constant, true);
    else if (code === 0x05) at += constant;
    else if (code === 0x15) at += jump(accumulator === constant);
    else if (code === 0x35) at += jump(accumulator >= constant);
    else if (code === 0x45) at += jump((accumulator & constant) !== 0);
    else if (code === 0x06) {
      if (constant === 0x7fff_0000) return "allow";
      assert.equal(constant >>> 16, 5, "neither allowed nor an errno");
      return { 1: "EPERM", 38: "ENOSYS" }[constant & 0xffff] ?? `errno ${constant & 0xffff}`;
    } else assert.fail(`unknown instruction ${code}`);
  }
  return assert.fail("the program has no end");
}

Deno.test("seccompFilter(), allows every call of the profile that has no condition", () => {
  const conditional = ["clone3"];
  const all = [
    [X86_64_CALLS, X86_64, "x86_64"],
    [I386_CALLS, I386, "x86_64"],
    [AARCH64_CALLS, AARCH64, "aarch64"],
    [ARM_CALLS, ARM, "aarch64"],
  ] as const;
  for (const [calls, architecture, machine] of all) {
    for (const [name, number] of calls) {
      if (!conditional.includes(name)) assert.equal(verdictOf({ number, architecture, machine }), "allow", name);
    }
  }
});

Deno.test("seccompFilter(), refuses what takes more than Docker's default capabilities", () => {
  const wide = { mount: 165, umount2: 166, unshare: 272, setns: 308, bpf: 321, kexec_load: 246 };
  for (const [name, number] of Object.entries(wide)) {
    assert.equal(verdictOf({ number }), "EPERM", name);
  }
  const narrow = { mount: 21, init_module: 128, unshare: 310, setns: 346, io_uring_setup: 425 };
  for (const [name, number] of Object.entries(narrow)) {
    assert.equal(verdictOf({ number, architecture: I386 }), "EPERM", name);
  }
});

Deno.test("seccompFilter(), refuses namespaces to clone and lets clone3 fall back to it", () => {
  assert.equal(verdictOf({ number: 56, first: 0x11 }), "allow");
  for (const flag of [0x0002_0000, 0x0200_0000, 0x1000_0000, 0x2000_0000, 0x4000_0000]) {
    assert.equal(verdictOf({ number: 56, first: flag | 0x11 }), "EPERM");
  }
  assert.equal(verdictOf({ number: 435 }), "ENOSYS");
});

Deno.test("seccompFilter(), judges sockets and personalities by their first argument", () => {
  assert.deepEqual([2, 1, 16, 37, 39, 41].map((first) => verdictOf({ number: 41, first })), Array(6).fill("allow"));
  assert.deepEqual([38, 40].map((first) => verdictOf({ number: 41, first })), ["EPERM", "EPERM"]);
  const personalities = [0, 8, 0x20000, 0x20008, 0xffff_ffff];
  for (const first of personalities) assert.equal(verdictOf({ number: 135, first }), "allow");
  assert.equal(verdictOf({ number: 135, first: 0x0040_0000 }), "EPERM");
});

Deno.test("seccompFilter(), tells programs that calls newer than the profile are not there", () => {
  assert.equal(verdictOf({ number: 470 }), "ENOSYS");
  assert.equal(verdictOf({ number: 0x4000_0000 }), "ENOSYS"); // the first call of the x32 variant
  assert.equal(verdictOf({ number: 470, architecture: I386 }), "ENOSYS");
});

Deno.test("seccompFilter(), refuses every call of another architecture", () => {
  assert.equal(verdictOf({ number: 63, architecture: AARCH64 }), "EPERM");
});

Deno.test("seccompFilter(), on ARM refuses and knows what it does elsewhere", () => {
  const machine = "aarch64";
  const wide = { mount: 40, umount2: 39, pivot_root: 41, unshare: 97, setns: 268, bpf: 280, perf_event_open: 241 };
  for (const [name, number] of Object.entries(wide)) {
    assert.equal(verdictOf({ number, architecture: AARCH64, machine }), "EPERM", name);
  }
  const narrow = { mount: 21, umount2: 52, pivot_root: 218, unshare: 337, setns: 375, bpf: 386 };
  for (const [name, number] of Object.entries(narrow)) {
    assert.equal(verdictOf({ number, architecture: ARM, machine }), "EPERM", name);
  }
  assert.equal(verdictOf({ number: 220, first: 0x1000_0000, architecture: AARCH64, machine }), "EPERM");
  assert.equal(verdictOf({ number: 220, first: 0x11, architecture: AARCH64, machine }), "allow");
  assert.equal(verdictOf({ number: 435, architecture: AARCH64, machine }), "ENOSYS");
  for (const architecture of [AARCH64, ARM]) {
    for (const number of [457, 500, 0xf_0000, 0xf_0006, 0xffff_ffff]) {
      assert.equal(verdictOf({ number, architecture, machine }), "ENOSYS", String(number));
    }
  }
  assert.equal(verdictOf({ number: 0, architecture: X86_64, machine }), "EPERM");
});
