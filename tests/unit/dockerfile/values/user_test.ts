import { parseOwner } from "../../../../lib/dockerfile/values/user.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const id = (value: number): unknown => ({ kind: "id", id: value });
const named = (name: string): unknown => ({ kind: "name", name });

// Mutation: without the comparison with MAX_ID the four rows about large ids fail.
const OWNERS: readonly Row<string, unknown>[] = [
  ["3.7", "nothing", "", {}],
  ["3.7", "a name", "app", { user: named("app") }],
  ["3.7", "a name and a group", "app:www-data", { user: named("app"), group: named("www-data") }],
  ["3.7", "an id", "1000", { user: id(1000) }],
  ["3.7", "two ids", "1000:1001", { user: id(1000), group: id(1001) }],
  ["3.7", "an id and a name", "0:root", { user: id(0), group: named("root") }],
  ["3.7", "the largest id", "4294967294", { user: id(4_294_967_294) }],
  ["3.7", "leading zeros are decimal", "0010", { user: id(10) }],
  ["3.7", "signs of names", "a.b_c-d@e$", { user: named("a.b_c-d@e$") }],
  ["3.3/13", "an empty group is group 0", "app:", { user: named("app"), group: id(0) }],
  ["3.7", "S32: the id that means none", "4294967295", /larger than the largest id, 4294967294/],
  ["3.7", "S32: an id that wraps round to root", "4294967296", /larger than the largest id/],
  ["3.7", "S32: a group that wraps round", "1:4294967296", /larger than the largest id/],
  ["3.7", "S32: a user near 2^31 and a group too large", "2147483648:4294967295", /4294967295 is larger/],
  ["3.7", "S32: a negative id", "-1", /"-1" is not an id/],
  ["3.7", "S32: a signed zero", "+0", /"\+0" is not an id/],
  ["3.7", "S32: a hexadecimal id", "0x0", /"0x0" is not an id/],
  ["3.7", "S32: an octal id", "0o17", /"0o17" is not an id/],
  ["3.7", "S32: two zeros are zero", "00", { user: id(0) }],
  ["3.7", "S32: an id of many digits", "9".repeat(400), /larger than the largest id/],
  ["3.7", "no user is user 0", ":app", { user: id(0), group: named("app") }],
  ["3.7", "two colons", "a:b:c", /more than one colon/],
  ["3.7", "a blank", "a b", /"a b" is not a name/],
  ["3.7", "a line end", "a\nroot", /is not a name/],
];

testRows("parseOwner()", OWNERS, parseOwner);
