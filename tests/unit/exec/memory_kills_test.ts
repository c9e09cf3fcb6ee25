import assert from "node:assert/strict";
import { memoryState } from "../../../lib/exec/memory_kills.ts";

function stateIn(files: Readonly<Record<string, string>>): ReturnType<typeof memoryState> {
  return memoryState((path) => files[path]);
}

Deno.test("memoryState() of version 2, in a group of its own", () => {
  assert.deepEqual(
    stateIn({
      "/proc/self/cgroup": "0::/system.slice/job\n",
      "/sys/fs/cgroup/system.slice/job/memory.events": "low 0\nhigh 0\nmax 12\noom 3\noom_kill 2\noom_group_kill 0\n",
      "/sys/fs/cgroup/system.slice/job/memory.max": "536870912\n",
    }),
    { kills: 2, limitBytes: 536870912 },
  );
});

Deno.test("memoryState() of version 2 in a container, whose path may be the host's", () => {
  for (const path of ["/", "/kubepods/pod1/c1"]) {
    assert.deepEqual(
      stateIn({
        "/proc/self/cgroup": `0::${path}\n`,
        "/sys/fs/cgroup/memory.events": "oom_kill 0\n",
        "/sys/fs/cgroup/memory.max": "max\n",
      }),
      { kills: 0 },
    );
  }
});

Deno.test("memoryState() of version 1", () => {
  assert.deepEqual(
    stateIn({
      "/proc/self/cgroup": "5:devices:/a\n4:memory,hugetlb:/job\n0::/\n",
      "/sys/fs/cgroup/memory/job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n",
      "/sys/fs/cgroup/memory/job/memory.limit_in_bytes": "1048576\n",
    }),
    { kills: 7, limitBytes: 1048576 },
  );
  assert.deepEqual(
    stateIn({
      "/proc/self/cgroup": "4:memory:/\n",
      "/sys/fs/cgroup/memory/memory.oom_control": "oom_kill 0\n",
      "/sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
    }),
    { kills: 0 },
  );
});

Deno.test("memoryState() where nothing can be read, is unknown", () => {
  assert.equal(stateIn({}), undefined);
  assert.equal(stateIn({ "/proc/self/cgroup": "0::/\n" }), undefined);
});
