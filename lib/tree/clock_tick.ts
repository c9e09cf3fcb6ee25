/**
 * Waiting for the file system's clock: kernels before 6.13 stamp files with a clock that ticks every few milliseconds.
 *
 * @module
 */
import { makeNode, setTimeOf, unlinkAt } from "../sys/file.ts";
import { birthTimeAt, S, statAt, statOf } from "../sys/stat.ts";

const PROBE_NAME = ".kiln-clock-probe";
const MAX_ATTEMPTS = 100_000;

/**
 * Returns a time, in nanoseconds since the epoch, later than that of everything in the file system now, and not later
 * than that of anything made or changed from now on. Makes and removes a file in the directory at descriptor `root`, and
 * gives it its time back.
 */
export function nextTick(root: number): bigint {
  const { mtimeSec, mtimeNsec } = statOf(root);
  try {
    const now = stamp(root);
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const later = stamp(root);
      if (later > now) return later;
    }
    throw new Error("Unreachable: the file system's clock stands still");
  } finally {
    setTimeOf(root, { sec: mtimeSec, nsec: mtimeNsec });
  }
}

function stamp(root: number): bigint {
  makeNode(root, PROBE_NAME, { mode: S.IFREG | 0o600, major: 0, minor: 0 });
  try {
    const born = birthTimeAt(root, PROBE_NAME);
    if (born !== undefined) return born;
    const { ctimeSec, ctimeNsec } = statAt(root, PROBE_NAME);
    return BigInt(ctimeSec) * 1_000_000_000n + BigInt(ctimeNsec);
  } finally {
    unlinkAt(root, PROBE_NAME);
  }
}
