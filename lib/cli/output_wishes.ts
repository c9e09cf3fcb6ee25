/**
 * What flags and `--output` together want of the image: one image is written to all outputs.
 *
 * @module
 */
import { KilnError } from "../errors.ts";
import type { Family } from "../oci/media_type.ts";
import type { BuildFlags } from "./flags.ts";
import type { ParsedOutput } from "./output_flag.ts";

/** What is wanted; absent: left to Kiln. */
export interface ImageWishes {
  readonly format?: Family;
  readonly compression?: "gzip" | "zstd";
  readonly level?: number;
  readonly annotations: ReadonlyMap<string, string>;
}

/** Puts the wishes together. @throws {KilnError} kind `usage`, if two contradict each other */
export function mergeWishes(flags: BuildFlags, outputs: readonly ParsedOutput[]): ImageWishes {
  const level = flags["compression-level"];
  const format = merge("format", [
    [flags["image-format"], `--image-format=${flags["image-format"]}`],
    ...outputs.map(({ wishes, text }) => [wishes.format, `--output ${text}`] as const),
  ]);
  const compression = merge("compression", [
    [flags.compression, `--compression=${flags.compression}`],
    ...outputs.map(({ wishes, text }) => [wishes.compression, `--output ${text}`] as const),
  ]);
  const chosenLevel = merge("compression level", [
    [level === -1 ? undefined : level, `--compression-level=${level}`],
    ...outputs.map(({ wishes, text }) => [wishes.level, `--output ${text}`] as const),
  ]);
  return {
    ...(format === undefined ? {} : { format }),
    ...(compression === undefined ? {} : { compression }),
    ...(chosenLevel === undefined ? {} : { level: chosenLevel }),
    annotations: mergeAnnotations(flags, outputs),
  };
}

function mergeAnnotations(flags: BuildFlags, outputs: readonly ParsedOutput[]): ReadonlyMap<string, string> {
  const merged = new Map<string, string>();
  const sources = [
    ...[...flags.annotation].map(([key, value]) => ({ key, value, from: `--annotation ${key}` })),
    ...outputs.flatMap(({ wishes, text }) =>
      [...wishes.annotations].map(([key, value]) => ({ key, value, from: `--output ${text}` }))
    ),
  ];
  for (const { key, value, from } of sources) {
    if ((merged.get(key) ?? value) !== value) throw contradiction(`annotation "${key}"`, from, "another one");
    merged.set(key, value);
  }
  return merged;
}

/** The one value that is wanted, by whoever says something. */
function merge<T>(what: string, said: readonly (readonly [value: T | undefined, from: string])[]): T | undefined {
  const [first, ...others] = said.filter(([value]) => value !== undefined);
  const other = others.find(([value]) => value !== first?.[0]);
  if (first !== undefined && other !== undefined) throw contradiction(what, other[1], first[1]);
  return first?.[0];
}

function contradiction(what: string, one: string, other: string): KilnError {
  return new KilnError("usage", `Cannot combine ${one} with ${other}: the image has one ${what}`);
}
