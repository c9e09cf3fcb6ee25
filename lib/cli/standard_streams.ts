/**
 * The names that Linux has for what a process reads from and writes to.
 *
 * @module
 */

const DESCRIPTORS = { stdin: 0, stdout: 1 } as const;

/** Tells whether an absolute path is a name of a standard stream. */
export function namesStream(path: string, stream: keyof typeof DESCRIPTORS): boolean {
  const fd = DESCRIPTORS[stream];
  return [`/dev/${stream}`, `/dev/fd/${fd}`, `/proc/self/fd/${fd}`].includes(path);
}
