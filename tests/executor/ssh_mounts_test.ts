/**
 * `RUN --mount=type=ssh` [3.2/ssh]: the agent a command gets, where, as whose, and what becomes of it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createPublicKey, verify } from "node:crypto";
import { Buffer } from "node:buffer";
import { join } from "node:path/posix";
import { run } from "../support/environment/command.ts";
import { prepared } from "../support/environment/environment.ts";
import { startRegistry } from "../support/environment/registry_server.ts";
import { type Outcome, type Site, startSite } from "../support/executor_site.ts";
import { errorIn } from "../support/failing_build.ts";

await prepared({ tools: ["ssh"], bases: ["debian"] });

/** Sends each message given in hexadecimal to the agent and prints the answers. perl-base has all it takes. */
const ASK = `use IO::Socket::UNIX;
my $s = IO::Socket::UNIX->new(Peer => shift) or die "no agent: $!";
for (@ARGV) {
  my $m = pack("H*", $_);
  print $s pack("N", length $m), $m; $s->flush;
  read($s, my $n, 4) == 4 or die "hung up";
  read($s, my $a, unpack("N", $n));
  print unpack("H*", $a), "\\n";
}
`;

/** As in a pod that allows no mounts. */
const NO_MOUNTS = ["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-all"];
const WAYS: readonly (readonly [name: string, isolation: string, through: readonly string[]])[] = [
  ["overlay", "overlay", []],
  ["no mounts", "chroot", NO_MOUNTS],
];

async function withSite(
  body: (
    site: Site,
    build: (lines: string, args?: readonly string[], way?: typeof WAYS[number]) => Promise<Outcome>,
  ) => Promise<void>,
): Promise<void> {
  await using registry = await startRegistry({ bases: ["debian"] });
  await using site = await startSite({ "ask.pl": ASK });
  await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "a key", "-f", join(site.path, "key")]);
  await body(site, async (lines, args = [], [, isolation, through] = ["", "overlay", []]) => {
    await site.write({ Dockerfile: `FROM ${registry.base("debian")}\nCOPY ask.pl /\n${lines}\n` });
    const outcome = await site.run(["--no-push", "--insecure-pull", `--isolation=${isolation}`, ...args], { through });
    await site.assertNothingLeft();
    return outcome;
  });
}

for (const way of WAYS) {
  Deno.test(`ssh mount [3.2], gives an agent that lists the key and signs with it (${way[0]})`, () =>
    withSite(async (site, build) => {
      const blob = Buffer.from((await Deno.readTextFile(join(site.path, "key.pub"))).split(" ")[1] ?? "", "base64");
      const string = (bytes: Buffer): string => bytes.length.toString(16).padStart(8, "0") + bytes.toString("hex");
      const sign = `0d${string(blob)}${string(Buffer.from("data"))}00000000`;
      const { code, stdout, stderr } = await build(
        `RUN --mount=type=ssh perl /ask.pl $SSH_AUTH_SOCK 0b ${sign} 13`,
        ["--ssh=default=key"],
        way,
      );
      assert.equal(code, 0, stderr);
      const [keys = "", signature = "", removal] = stdout.split("\n").flatMap((line) =>
        /\] ([0-9a-f]+)$/.exec(line)?.[1] ?? []
      );
      assert.equal(keys, `0c00000001${string(blob)}${string(Buffer.from("a key"))}`);
      assert.equal(removal, "05", "keys cannot be removed");
      const point = blob.subarray(-32).toString("base64url");
      const key = createPublicKey({ key: { kty: "OKP", crv: "Ed25519", x: point }, format: "jwk" });
      assert.ok(verify(null, Buffer.from("data"), key, Buffer.from(signature.slice(-128), "hex")));
    }));

  Deno.test(`ssh mount [3.2], is where and as whose the mount says, and leaves nothing (${way[0]})`, () =>
    withSite(async (_site, build) => {
      const { code, stdout, stderr } = await build(
        [
          "RUN --mount=type=ssh --mount=type=ssh,id=other,target=/o/sock,mode=0666,uid=3,gid=4 " +
          'stat -c "%n %a %u %g %F" /run/buildkit/ssh_agent.0 /o/sock && echo "asked $SSH_AUTH_SOCK" && ' +
          "perl /ask.pl /o/sock 0b",
          'RUN test ! -e /run/buildkit && test ! -e /o && test -z "$SSH_AUTH_SOCK"',
          "WORKDIR /w\nENV SSH_AUTH_SOCK=/own\nRUN --mount=type=ssh,dst=s --mount=type=ssh test -S s && " +
          'test -S /run/buildkit/ssh_agent.1 && echo "kept $SSH_AUTH_SOCK"',
          "RUN --mount=type=ssh,id=absent,target=/absent test ! -e /absent",
          'USER app\nRUN --mount=type=ssh,uid=1000,env=IGNORED perl /ask.pl /run/buildkit/ssh_agent.0 0b && test -z "$IGNORED"',
        ].join("\n"),
        ["--ssh=default=key", "--ssh=other=key"],
        way,
      );
      assert.equal(code, 0, stderr);
      const printed = stdout.split("\n").map((line) => line.replace(/^\[[^\]]*\] /, ""));
      assert.deepEqual(printed.filter((line) => /socket|asked|kept/.test(line)), [
        "/run/buildkit/ssh_agent.0 600 0 0 socket",
        "/o/sock 666 3 4 socket",
        "asked /run/buildkit/ssh_agent.0",
        "kept /own",
      ]);
    }));
}

Deno.test("ssh mount [3.2], asks the agent of the environment, also without a network", () =>
  withSite(async (site, build) => {
    const socket = join(site.path, "agent");
    const agent = new Deno.Command("ssh-agent", { args: ["-D", "-a", socket], stdout: "null", stderr: "null" }).spawn();
    try {
      for (let tries = 0; tries < 500; tries++) {
        const added = await run(["ssh-add", join(site.path, "key")], {
          env: { SSH_AUTH_SOCK: socket },
          accept: [0, 1, 2],
        });
        if (added.code === 0) break;
      }
      const lines = "RUN --network=none --mount=type=ssh,required=true perl /ask.pl $SSH_AUTH_SOCK 0b";
      const { code, stdout, stderr } = await build(lines, [`--ssh=default=${socket}`]);
      assert.equal(code, 0, stderr);
      assert.match(stdout, /0c00000001/);
    } finally {
      agent.kill("SIGTERM");
      await agent.status;
    }
  }));

Deno.test("ssh mount [3.2], that is required and not given, fails with its id", () =>
  withSite(async (_site, build) => {
    const { code, stderr } = await build("RUN --mount=type=ssh,id=mine,required true", ["--ssh=default=key"]);
    assert.equal(code, 64);
    assert.match(
      errorIn(stderr),
      /^error: Cannot mount the ssh agent "mine": the build was not given it[^]*--ssh=mine/,
    );
  }));

const REFUSED: readonly (readonly [flag: string, error: RegExp])[] = [
  ["default", /--ssh "default": it names no socket, and SSH_AUTH_SOCK is not set$/],
  ["default=nowhere", /nowhere" does not exist$/],
  ["default=context", /context" is neither a socket nor a file$/],
  ["default=key.pub", /the key "[^"]*key.pub" is no private key$/],
  ["a=key --ssh=a=key", /the id is given twice$/],
];
for (const [flag, error] of REFUSED) {
  Deno.test(`--ssh=${flag} [3.2], is refused`, async () => {
    await using site = await startSite({ Dockerfile: "FROM scratch\n" });
    await run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", join(site.path, "key")]);
    const { code, stderr } = await site.run(["--no-push", ...`--ssh=${flag}`.split(" ")]);
    assert.equal(code, 64, stderr);
    assert.match(errorIn(stderr).split("\n")[0] ?? "", error);
  });
}
