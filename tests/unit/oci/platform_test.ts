import { formatPlatform, hostPlatform, parsePlatform } from "../../../lib/oci/platform.ts";
import { type Row, testRows } from "../../support/rows.ts";

const HOST = hostPlatform().architecture;

/** What containerd's platforms.Parse makes of a text; `@` is in front of an operating system's version. */
const PLATFORMS: readonly Row<string, string>[] = [
  ["3.1/4", "system and architecture", "linux/amd64", "linux/amd64"],
  ["3.1/4", "a variant", "linux/arm/v5", "linux/arm/v5"],
  ["3.1/4", "upper case", "LINUX/AMD64", "linux/amd64"],
  ["3.1/4", "any words", "plan10/vax/v1", "plan10/vax/v1"],
  ["3.1/4", "what attestations have", "unknown/unknown", "unknown/unknown"],
  ["3.1/4", "a dot in the architecture", "linux/a.b", "linux/a.b"],
  ["3.1/4", "a system alone", "linux", `linux/${HOST}`],
  ["3.1/4", "another system alone", "freebsd", `freebsd/${HOST}`],
  ["3.1/4", "an architecture alone", "s390x", "linux/s390x"],
  ["3.1/4", "an architecture alone by another name", "aarch64", "linux/arm64"],
  ["3.1/4", "an architecture alone with a variant of its own", "armhf", "linux/arm/v7"],
  [
    "3.1/4",
    "a word alone that is neither",
    "alpine",
    /"alpine": it is neither an operating system nor an architecture/,
  ],
  ["3.1/4", "macos", "macos/arm64", "darwin/arm64"],
  ["2.4/2", "x86_64", "linux/x86_64", "linux/amd64"],
  ["2.4/2", "x86-64", "linux/x86-64", "linux/amd64"],
  ["2.4/2", "amd64/v1 is amd64", "linux/amd64/v1", "linux/amd64"],
  ["2.4/2", "amd64/v2", "linux/amd64/v2", "linux/amd64/v2"],
  ["2.4/2", "arm64/v8 is arm64", "linux/arm64/v8", "linux/arm64"],
  ["2.4/2", "arm64/8 is arm64", "linux/arm64/8", "linux/arm64"],
  ["2.4/2", "arm64/v8.0 is arm64", "linux/arm64/v8.0", "linux/arm64"],
  ["2.4/2", "arm64/9", "linux/arm64/9", "linux/arm64/v9"],
  ["2.4/2", "arm64/9.0", "linux/arm64/9.0", "linux/arm64/v9"],
  ["2.4/2", "arm is arm/v7", "linux/arm", "linux/arm/v7"],
  ["2.4/2", "a number as variant", "linux/arm/6", "linux/arm/v6"],
  ["2.4/2", "armel is arm/v6", "linux/armel", "linux/arm/v6"],
  ["2.4/2", "armhf is arm/v7, whatever is behind it", "linux/armhf/v6", "linux/arm/v7"],
  ["2.4/2", "i386", "linux/i386", "linux/386"],
  ["2.4/2", "an unknown variant", "linux/ppc64le/power9", "linux/ppc64le/power9"],
  ["2.4/2", "a version", "windows(10.0.17763)/amd64", "windows/amd64@10.0.17763"],
  ["2.4/2", "a version behind a system alone", "windows(10)", `windows/${HOST}@10`],
  ["2.4/2", "an empty version", "linux()/amd64", "linux/amd64"],
  ["2.4/2", "a version in kaniko's place", "windows/amd64:10.0.17763", "windows/amd64@10.0.17763"],
  ["3.1/4", "nothing", "", /it is not os\/architecture/],
  ["3.1/4", "no architecture", "linux/", /it is not os\/architecture/],
  ["3.1/4", "no system", "/amd64", /it is not os\/architecture/],
  ["3.1/4", "too many parts", "a/b/c/d", /it is not os\/architecture/],
  ["3.1/4", "a blank", "linux/a b", /it is not os\/architecture/],
  ["3.1/4", "a star", "linux/*", /it is not os\/architecture/],
  ["3.1/4", "a dot in the system", "linux.x/amd64", /it is not os\/architecture/],
  ["3.1/4", "features of a system", "windows(10+win32k)/amd64", /it is not os\/architecture/],
  ["3.1/4", "an empty version behind a colon", "linux/amd64:", /it is not os\/architecture/],
];

testRows("parsePlatform()", PLATFORMS, (text) => {
  const platform = parsePlatform(text);
  const version = platform["os.version"];
  return formatPlatform(platform) + (version === undefined ? "" : `@${version}`);
});
