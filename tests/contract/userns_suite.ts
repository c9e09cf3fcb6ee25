/**
 * The user namespace's overlay backend keeps the contract: run by `userns_test.ts` as an ordinary user. Loading it
 * starts the whole process again, in a user namespace.
 *
 * @module
 */
import { enterPrivateMounts, PRIVATE_MOUNTS_VARIABLE } from "../../lib/sys/private_mounts.ts";
import { NamespaceLab } from "../support/namespace_lab.ts";
import { testRootFs } from "./rootfs_contract.ts";

const mounts = await enterPrivateMounts({ mark: Deno.env.get(PRIVATE_MOUNTS_VARIABLE), isolation: undefined });
if (mounts.kind === "no" || mounts.userNamespace === undefined) throw new Error("This is not a user namespace");
testRootFs("userns", NamespaceLab);
