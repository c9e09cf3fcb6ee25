/**
 * Platforms: parsing, normal form, and the choice among the entries of an index.
 *
 * The normal forms are containerd's: `x86_64` is `amd64`, `aarch64` is `arm64`, `arm64/v8` has no variant,
 * and `arm` without a variant is `arm/v7`.
 *
 * @module
 */
import { KilnError } from "../errors.ts";

/** An operating system and processor, in normal form. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  readonly "os.version"?: string;
}

const ARCHITECTURES: Readonly<Record<string, readonly [string, string?]>> = {
  "x86_64": ["amd64"],
  "x86-64": ["amd64"],
  "i386": ["386"],
  "i486": ["386"],
  "i586": ["386"],
  "i686": ["386"],
  "aarch64": ["arm64"],
  "armhf": ["arm", "v7"],
  "armel": ["arm", "v6"],
};

/** What containerd knows: a lone word is one of these. */
const KNOWN_SYSTEMS: readonly string[] = [
  ..."aix android darwin dragonfly freebsd hurd illumos ios js linux nacl netbsd openbsd plan9 solaris windows zos"
    .split(" "),
];
const KNOWN_ARCHITECTURES: readonly string[] = [
  ..."386 amd64 amd64p32 arm armbe arm64 arm64be ppc64 ppc64le loong64 mips mipsle mips64 mips64le mips64p32".split(
    " ",
  ),
  ..."mips64p32le ppc riscv riscv64 s390 s390x sparc sparc64 wasm".split(" "),
];

/** `windows(10.0.17763)`. */
const SYSTEM = /^([A-Za-z0-9_-]+)(?:\(([A-Za-z0-9_.-]*)\))?$/;

/**
 * Parses `os[(osversion)][/architecture[/variant]]`, with kaniko's optional `:osversion` at the end, or a lone
 * architecture.
 *
 * @throws {KilnError} kind `usage`, if it is not a platform.
 */
export function parsePlatform(text: string): Platform {
  const colon = text.indexOf(":");
  const suffix = colon < 0 ? undefined : text.slice(colon + 1);
  const [first = "", ...others] = (colon < 0 ? text : text.slice(0, colon)).split("/");
  const [, os, ownVersion] = SYSTEM.exec(first) ?? [];
  const bad = os === undefined || others.length > 2 || others.some((part) => !/^[A-Za-z0-9_.-]+$/.test(part));
  if (bad || suffix === "") throw badPlatform(text, "it is not os/architecture[/variant]");
  const version = suffix ?? (ownVersion || undefined);
  const [architecture, variant] = others;
  if (architecture !== undefined) return normalizePlatform({ os, architecture, variant, version });
  const asSystem = normalizePlatform({ os, architecture: hostPlatform().architecture, version });
  if (KNOWN_SYSTEMS.includes(asSystem.os)) return asSystem;
  const asArchitecture = normalizePlatform({ os: "linux", architecture: os, version });
  if (KNOWN_ARCHITECTURES.includes(asArchitecture.architecture)) return asArchitecture;
  throw badPlatform(text, "it is neither an operating system nor an architecture that is known");
}

function badPlatform(text: string, state: string): KilnError {
  return new KilnError("usage", `Cannot parse the platform "${text}": ${state}`, {
    hint: "for example linux/amd64 or linux/arm/v7",
  });
}

/** Returns the platform of this process. */
export function hostPlatform(): Platform {
  return normalizePlatform({ os: Deno.build.os, architecture: Deno.build.arch });
}

/** Returns `os/architecture[/variant]`. */
export function formatPlatform(platform: Platform): string {
  const { os, architecture, variant } = platform;
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

/**
 * Returns the entry of an index that fits `wanted` best: an exact match, else, for `arm`, the highest variant
 * below the wanted one; the first of equals. Entries without a platform count as linux/amd64.
 */
export function choosePlatform<T extends { readonly platform?: Platform | undefined }>(
  wanted: Platform,
  offered: readonly T[],
): T | undefined {
  let best: T | undefined;
  let bestRank = -1;
  for (const entry of offered) {
    const rank = rankOf(wanted, entry.platform ?? { os: "linux", architecture: "amd64" });
    if (rank > bestRank) [best, bestRank] = [entry, rank];
  }
  return best;
}

/** Puts the parts of a platform into containerd's normal form. */
function normalizePlatform(
  parts: { os: string; architecture: string; variant?: string | undefined; version?: string | undefined },
): Platform {
  const os = parts.os.toLowerCase() === "macos" ? "darwin" : parts.os.toLowerCase();
  const asked = parts.architecture.toLowerCase();
  const [architecture, implied] = ARCHITECTURES[asked] ?? [asked];
  let variant = implied ?? (parts.variant?.toLowerCase() || undefined);
  if (variant !== undefined && /^[0-9]+$/.test(variant)) variant = `v${variant}`;
  if (architecture === "arm64") variant = variant?.replace(/^v?([89])\.0$/, "v$1");
  if (architecture === "arm64" && variant === "v8") variant = undefined;
  if (architecture === "arm" && variant === undefined) variant = "v7";
  if (architecture === "amd64" && variant === "v1") variant = undefined;
  return {
    os,
    architecture,
    ...(variant === undefined ? {} : { variant }),
    ...(parts.version === undefined ? {} : { "os.version": parts.version }),
  };
}

/** -1: does not fit; larger: fits better. */
function rankOf(wanted: Platform, raw: Platform): number {
  const offered = normalizePlatform({ os: raw.os, architecture: raw.architecture, variant: raw.variant });
  if (offered.os !== wanted.os || offered.architecture !== wanted.architecture) return -1;
  const version = wanted["os.version"];
  if (version !== undefined && raw["os.version"] !== undefined && raw["os.version"] !== version) return -1;
  if (offered.variant === wanted.variant) return 1000;
  if (wanted.architecture === "arm64" || wanted.architecture === "amd64") {
    return offered.variant === undefined ? 500 : -1;
  }
  const [want, have] = [variantNumber(wanted.variant), variantNumber(offered.variant)];
  return have <= want ? have : -1;
}

function variantNumber(variant: string | undefined): number {
  return Number(variant?.match(/^v([0-9]+)$/)?.[1] ?? 0);
}
