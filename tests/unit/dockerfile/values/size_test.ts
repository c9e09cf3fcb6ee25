import { parseSize } from "../../../../lib/dockerfile/values/size.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const SIZES: readonly Row<string, number | undefined>[] = [
  ["3.2/10", "bytes", "100", 100],
  ["3.2/10", "bytes by name", "100b", 100],
  ["3.2/10", "kilobytes are binary", "1k", 1024],
  ["3.2/10", "megabytes", "64m", 64 * 1024 ** 2],
  ["3.2/10", "gigabytes", "2g", 2 * 1024 ** 3],
  ["3.2/10", "upper case and b", "1MB", 1024 ** 2],
  ["3.2/10", "the binary names", "1KiB", 1024],
  ["3.2/10", "terabytes", "1t", 1024 ** 4],
  ["3.2/10", "a fraction", "1.5k", 1536],
  ["3.2/10", "rounded down", "0.3", 0],
  ["3.2/10", "a blank in front of the unit", "1 k", 1024],
  ["3.2/10", "an unknown unit", "1x", undefined],
  ["3.2/10", "a bare unit", "k", undefined],
  ["3.2/10", "a negative one", "-1k", undefined],
  ["3.2/10", "nothing", "", undefined],
  ["3.2/10", "two units", "1kk", undefined],
  ["3.2/10", "bytes and more", "1bb", undefined],
  ["3.2/10", "more than can be counted", "99999p", undefined],
];

testRows("parseSize()", SIZES, parseSize);
