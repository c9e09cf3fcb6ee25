import { checkMount, mountId, mountTarget, parseMount, secretTarget } from "../../../../lib/dockerfile/values/mount.ts";
import { type Row, testRows } from "../../../support/rows.ts";

const BIND = { type: "bind", readOnly: true, required: false };

const MOUNTS: readonly Row<string, unknown>[] = [
  ["3.2/8", "bind is the default", "target=/x", { ...BIND, target: "/x" }],
  ["3.2/8", "fields in quotes", 'target=/x,"source=a,b"', { ...BIND, target: "/x", source: "a,b" }],
  ["3.2/8", "keys have any case", "Type=cache,TARGET=/x", { ...BIND, type: "cache", target: "/x", readOnly: false }],
  ["3.2/8", "types have any case", "type=TMPFS,target=/x", { ...BIND, type: "tmpfs", target: "/x", readOnly: false }],
  ["3.2/8", "broken quotes", 'target="/x', /quotes are not those of comma-separated values/],
  ["3.2/8", "nothing", "", /it is empty/],
  ["3.2/10", "source and its short form", "src=a,target=/x", { ...BIND, source: "a", target: "/x" }],
  ["3.2/10", "dst", "dst=/x", { ...BIND, target: "/x" }],
  ["3.2/10", "destination", "destination=/x", { ...BIND, target: "/x" }],
  ["3.2/10", "the last of a key counts", "target=/x,dst=/y", { ...BIND, target: "/y" }],
  ["3.2/10", "from", "from=build,target=/x", { ...BIND, from: "build", target: "/x" }],
  ["3.2", "bind is read-only unless rw is given", "target=/x,rw", { ...BIND, target: "/x", readOnly: false }],
  ["3.2/10", "readwrite", "target=/x,readwrite", { ...BIND, target: "/x", readOnly: false }],
  ["3.2/10", "rw as value", "target=/x,rw=true", { ...BIND, target: "/x", readOnly: false }],
  ["3.2/10", "rw switched off", "target=/x,rw=0", { ...BIND, target: "/x" }],
  ["3.2/10", "ro switched off", "target=/x,ro=false", { ...BIND, target: "/x", readOnly: false }],
  ["3.2/10", "the last of ro and rw counts", "target=/x,rw,readonly", { ...BIND, target: "/x" }],
  ["3.2", "cache is writable", "type=cache,target=/x", { ...BIND, type: "cache", target: "/x", readOnly: false }],
  ["3.2", "cache with ro", "type=cache,target=/x,ro", { ...BIND, type: "cache", target: "/x" }],
  [
    "3.2",
    "cache with everything",
    "type=cache,id=a,target=/x,sharing=locked,mode=0700,uid=1,gid=2,from=b,source=c",
    {
      type: "cache",
      id: "a",
      target: "/x",
      sharing: "locked",
      mode: 0o700,
      uid: 1,
      gid: 2,
      from: "b",
      source: "c",
      readOnly: false,
      required: false,
    },
  ],
  ["3.2", "sharing in any case", "type=cache,target=/x,sharing=Private", {
    ...BIND,
    type: "cache",
    target: "/x",
    sharing: "private",
    readOnly: false,
  }],
  ["3.2", "tmpfs with size", "type=tmpfs,target=/x,size=64m", {
    ...BIND,
    type: "tmpfs",
    target: "/x",
    size: 64 * 1024 ** 2,
    readOnly: false,
  }],
  ["3.2", "secret", "type=secret,id=a", { ...BIND, type: "secret", id: "a" }],
  ["3.2", "secret with mode and ids", "type=secret,id=a,mode=0440,uid=5,gid=6,required", {
    ...BIND,
    type: "secret",
    id: "a",
    mode: 0o440,
    uid: 5,
    gid: 6,
    required: true,
  }],
  ["3.2", "secret as variable", "type=secret,id=a,env=A", { ...BIND, type: "secret", id: "a", env: "A" }],
  ["3.2", "secret by target", "type=secret,target=/a/b", { ...BIND, type: "secret", target: "/a/b" }],
  ["3.2", "secret that is required by value", "type=secret,id=a,required=true", {
    ...BIND,
    type: "secret",
    id: "a",
    required: true,
  }],
  ["3.2", "secret without anything", "type=secret", /a secret needs an id, a source or a target/],
  ["3.2", "secret with id and source", "type=secret,id=a,source=b", /either "id" or "source"/],
  ["3.2", "secret with from", "type=secret,id=a,from=b", /a secret has no "from"/],
  ["3.2", "secret with sharing", "type=secret,id=a,sharing=shared", /"sharing" does not fit a mount of type secret/],
  ["3.2", "ssh", "type=ssh", { ...BIND, type: "ssh" }],
  ["3.2", "ssh with source", "type=ssh,source=a", /ssh has no "source"/],
  ["3.2/9", "required in front of type", "required,type=secret,id=a", /put type= in front of required/],
  ["3.2/9", "size in front of type", "size=1m,type=tmpfs,target=/x", /put type= in front of size/],
  ["3.2/9", "required on a bind mount", "target=/x,required", /"required" does not fit a mount of type bind/],
  ["3.2/9", "size on a cache", "type=cache,target=/x,size=1m", /"size" does not fit a mount of type cache/],
  ["3.2/10", "mode on a bind mount", "target=/x,mode=0700", /"mode" does not fit a mount of type bind/],
  ["3.2/10", "uid on tmpfs", "type=tmpfs,target=/x,uid=1", /"uid" does not fit a mount of type tmpfs/],
  ["3.2/10", "uid in front of type is fine", "uid=1,type=cache,target=/x", {
    ...BIND,
    type: "cache",
    target: "/x",
    uid: 1,
    readOnly: false,
  }],
  ["3.2/10", "sharing on a bind mount", "target=/x,sharing=shared", /"sharing" does not fit/],
  ["3.2/10", "an unknown type", "type=cahce,target=/x", /type="cahce" is not known \(did you mean cache\?\)/],
  [
    "3.2/10",
    "an unknown sharing mode",
    "type=cache,sharing=lock",
    /sharing="lock" is not known \(did you mean locked\?\)/,
  ],
  ["3.2/10", "an unknown key", "traget=/x", /"traget=\/x" is no field of a mount \(did you mean target\?\)/],
  ["3.2/10", "a bare key that needs a value", "target", /"target" has no value \(write target=value\)/],
  ["3.2/10", "an unknown bare word", "hello", /"hello" is no field of a mount/],
  ["3.2/10", "a bare word every object has", "constructor", /"constructor" is no field of a mount/],
  ["3.2/10", "an empty field", "target=/x,", /a field is empty/],
  ["3.2/10", "a mode that is not octal", "type=cache,target=/x,mode=0799", /mode="0799" is not an octal number/],
  [
    "3.2/10",
    "an id that is not a number",
    "type=cache,target=/x,uid=root",
    /uid="root" is not a number from 0 to 4294967295/,
  ],
  [
    "3.2/10",
    "an id that is too large",
    "type=cache,target=/x,uid=4294967296",
    /uid="4294967296" is not a number from 0 to 4294967295/,
  ],
  ["3.2/10", "a size that is none", "type=tmpfs,target=/x,size=big", /size="big" is not a size such as 64m/],
  ["3.2/10", "ro with another value", "target=/x,ro=maybe", /ro="maybe" is not true or false/],
];

testRows("parseMount()", MOUNTS, (text) => parseMount(text, (value) => value));

const EXPANDED: readonly Row<string, unknown>[] = [
  ["2.1", "values are expanded", "type=$,target=$", { ...BIND, type: "cache", target: "cache", readOnly: false }],
  ["2.1", "keys are not", "$=x", /"\$=x" is no field/],
  ["2.1", "bare words are not", "$", /"\$" is no field/],
];

testRows("parseMount() with variables", EXPANDED, (text) => parseMount(text, (value) => value.replace("$", "cache")));

const ORIGINS: readonly Row<string, unknown>[] = [
  ["3.2/11", "no from: the context", "target=/x", { readsContext: true }],
  ["3.2/11", "from", "from=build,target=/x", { readsContext: false, from: "build" }],
  ["3.2/11", "a cache reads nothing", "type=cache,target=/x", { readsContext: false }],
  ["3.2/11", "a cache from a stage", "type=cache,from=a,target=/x", { readsContext: false, from: "a" }],
  ["3.2/11", "a secret reads nothing", "type=secret,id=a", { readsContext: false }],
  ["3.2/11", "a type from a variable may be bind", "type=$t,target=/x", { readsContext: true }],
  ["3.2/11", "a variable in from", "from=$a,target=/x", /variables are not expanded in "from" \(give the image/],
  ["3.2/11", "a dollar at the end of from is text", "from=a$,target=/x", { readsContext: false, from: "a$" }],
  ["3.2/11", "other mistakes are found later", "hello=x", { readsContext: true }],
];

testRows("checkMount()", ORIGINS, checkMount);

const TARGETS: readonly Row<readonly [string | undefined, string], string>[] = [
  ["3.2/12", "none: the working directory", [undefined, "/w"], "/w"],
  ["3.2/12", "none, in the root", [undefined, "/"], /Cannot mount: the mount has no target \(say where/],
  ["3.2/12", "empty, in the root", ["", "/"], /Cannot mount on "": it is empty/],
  ["3.2/12", "absolute", ["/a", "/w"], "/a"],
  ["3.2/12", "relative", ["a", "/w"], "/w/a"],
  ["3.2/12", "relative upwards", ["../a", "/w/x"], "/w/a"],
  ["3.2/12", "relative to no directory", ["a", ""], "/a"],
  ["3.2/12", "the root", ["/", "/w"], /Cannot mount on "\/": it is the root/],
  ["3.2/12", "the root with a dot", ["/.", "/w"], /it is the root/],
  ["3.2/12", "the root by going up", ["../..", "/w"], /it is the root/],
  ["3.2/12", "the root doubled", ["//", "/w"], /it is the root/],
];

testRows("mountTarget()", TARGETS, ([target, directory]) => mountTarget(target, directory));

const read = (text: string): ReturnType<typeof parseMount> => parseMount(text, (value) => value);

testRows("mountId(), of a secret", [
  ["3.2", "by id", "type=secret,id=a", "a"],
  ["3.2", "by source", "type=secret,source=a", "a"],
  ["3.2", "by the end of the target", "type=secret,target=/x/a", "a"],
], (text) => mountId(read(text)));

testRows("secretTarget()", [
  ["3.2", "below /run/secrets", "type=secret,id=a", "/run/secrets/a"],
  ["3.2", "the last part of an id with slashes", "type=secret,id=a/b", "/run/secrets/b"],
  ["3.2", "as given", "type=secret,id=a,target=/x", "/x"],
  ["3.2", "none for a variable", "type=secret,id=a,env=A", undefined],
  ["3.2", "a variable and a file", "type=secret,id=a,env=A,target=/x", "/x"],
], (text) => secretTarget(read(text)));

testRows("mountId(), of a cache", [
  ["3.2", "by id", "type=cache,id=a,target=/x", "a"],
  ["3.2", "by target", "type=cache,target=/x", "/x"],
  ["3.2", "by the cleaned target", "type=cache,target=/x/../y//z/", "/y/z"],
  ["3.2", "by a relative target", "type=cache,target=x/", "x"],
], (text) => mountId(read(text)));

testRows("mountId(), of an agent", [
  ["3.2", "by id", "type=ssh,id=a", "a"],
  ["3.2", "the one that programs ask", "type=ssh", "default"],
], (text) => mountId(read(text)));
