import { parseDevice } from "../../../../lib/dockerfile/values/device.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const DEVICES: readonly Row<string, { readonly name: string; readonly required: boolean }>[] = [
  ["3.2/15", "a device of a class", "example.com/gpu=0", { name: "example.com/gpu=0", required: false }],
  ["3.2/15", "a class", "example.com/gpu", { name: "example.com/gpu", required: false }],
  ["3.2/15", "all of a class", "example.com/gpu=*", { name: "example.com/gpu=*", required: false }],
  ["3.2/15", "required", "example.com/gpu,required", { name: "example.com/gpu", required: true }],
  ["3.2/15", "required by value", "example.com/gpu=0,required=1", { name: "example.com/gpu=0", required: true }],
  ["3.2/15", "not required", "example.com/gpu,required=false", { name: "example.com/gpu", required: false }],
  ["3.2/15", "by key", "name=example.com/gpu=0", { name: "example.com/gpu=0", required: false }],
  ["3.2/15", "required in front", "required,name=a/b", { name: "a/b", required: true }],
  ["3.2/15", "two names", "a/b,name=c/d", /the name is given before, as "a\/b"/],
  ["3.2/15", "an unknown field", "a/b,requird=1", /"requird=1" is no field of a device \(did you mean required\?\)/],
  ["3.2/15", "a second word", "a/b,c", /"c" is no field/],
  ["3.2/15", "required with another value", "a/b,required=x", /"x" is neither true nor false/],
  ["3.2/15", "no name", "required", /it has no name/],
  ["3.2/15", "nothing", "", /it has no name/],
];

testRows("parseDevice()", DEVICES, parseDevice);
