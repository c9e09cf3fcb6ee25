/**
 * An upload session: the requests of the distribution API that put one blob into a repository.
 *
 * Source: https://github.com/opencontainers/distribution-spec/blob/main/spec.md#push. The URL of a session may change
 * with every answer and carries state in its query, so the latest one is always used and its query is left as it is
 * (F08). When to use which request, and what to do when one fails, is `upload_blob.ts`.
 *
 * @module
 */
import type { Digest } from "../oci/digest.ts";
import type { Repository } from "../oci/reference.ts";
import type { HostRequest, HostResponse, RegistryHost } from "./registry_host.ts";
import type { RequestBody } from "../http/transport.ts";

/** A registry checks and moves the whole blob before it answers the last request: that may take minutes. */
const COMMIT_TIMEOUT_MS = 10 * 60_000;
/** Cancelling is a courtesy; nobody waits for it long, nor for an answer that tells what there is to cancel. */
const CANCEL_TIMEOUT_MS = 3_000;

/** What a session is for. */
export interface SessionContext {
  readonly host: RegistryHost;
  readonly repository: Repository;
  /** What completes "Cannot ...". */
  readonly action: string;
  readonly signal: AbortSignal;
}

/** One open session. */
export class UploadSession {
  /** The least a chunk but the last must have, as the registry wants it. */
  readonly minChunkBytes: number;
  readonly #context: SessionContext;
  #url: URL;

  private constructor(context: SessionContext, opened: HostResponse) {
    this.#context = context;
    this.#url = context.host.location(opened, "upload", context.action);
    const least = opened.response.header("oci-chunk-min-length") ?? "";
    this.minChunkBytes = /^[0-9]{1,12}$/.test(least) ? Number(least) : 0;
  }

  /** Asks for a new session. */
  static async open(context: SessionContext): Promise<UploadSession> {
    const answer = await context.host.send(startRequest(context, {}));
    if (answer.response.status !== 202) throw await context.host.fault(answer);
    await answer.response.discard();
    return await new UploadSession(context, answer).#unlessOver();
  }

  /**
   * Asks for a blob to be mounted from another repository of the registry. Returns "mounted", or the session that the
   * registry opened because it would not, or undefined if it refused altogether.
   */
  static async mount(
    context: SessionContext,
    { digest, from }: { readonly digest: Digest; readonly from: string },
  ): Promise<"mounted" | UploadSession | undefined> {
    const answer = await context.host.send(startRequest(context, { mount: digest, from }));
    const { response } = answer;
    await response.discard();
    if (response.status === 201) return isAbout(digest, answer) ? "mounted" : undefined;
    return response.status === 202 ? await new UploadSession(context, answer).#unlessOver() : undefined;
  }

  /** Sends the whole blob and ends the session with it. The answer is for the caller to judge. */
  putWhole(digest: Digest, body: RequestBody): Promise<HostResponse> {
    return this.#send("PUT", {
      target: withDigest(this.#url, digest),
      headers: OCTETS,
      body,
      answerTimeoutMs: COMMIT_TIMEOUT_MS,
    });
  }

  /** Sends the bytes from `offset`; follows the session to its next URL if they were taken. */
  async patch(offset: number, body: RequestBody): Promise<HostResponse> {
    const headers = { ...OCTETS, "content-range": `${offset}-${offset + body.length - 1}` };
    const answer = await this.#send("PATCH", {
      target: this.#url,
      headers,
      body: untilAborted(body, this.#context.signal),
      lingerMs: CANCEL_TIMEOUT_MS,
    });
    if (answer.response.status === 202) this.#moveOn(answer);
    return answer;
  }

  /** Ends the session: all bytes are there. */
  commit(digest: Digest): Promise<HostResponse> {
    const target = withDigest(this.#url, digest);
    return this.#send("PUT", { target, headers: OCTETS, answerTimeoutMs: COMMIT_TIMEOUT_MS });
  }

  /** Asks how many bytes the registry has; undefined if the session is gone or it will not say. */
  async received(): Promise<number | undefined> {
    const answer = await this.#send("GET", { target: this.#url, lingerMs: CANCEL_TIMEOUT_MS });
    await answer.response.discard();
    const { status } = answer.response;
    if (status !== 204 && status !== 202) return undefined;
    this.#moveOn(answer);
    return receivedOf(answer);
  }

  /** Tells the registry that the session is not needed any more, if that can be done quickly. */
  async cancel(): Promise<void> {
    try {
      const signal = AbortSignal.timeout(CANCEL_TIMEOUT_MS);
      const { response } = await this.#send("DELETE", { target: this.#url, signal });
      await response.discard();
    } catch {
      // Registries forget abandoned sessions by themselves.
    }
  }

  /** A session that was opened while the build ended has no user who could cancel it later. */
  async #unlessOver(): Promise<UploadSession> {
    const { signal } = this.#context;
    if (signal.aborted) await this.cancel();
    signal.throwIfAborted();
    return this;
  }

  #moveOn(answer: HostResponse): void {
    if (answer.response.header("location") === undefined) return;
    this.#url = this.#context.host.location(answer, "upload", this.#context.action);
  }

  #send(
    method: "GET" | "PUT" | "PATCH" | "DELETE",
    request: Omit<HostRequest, "method" | "access" | "signal"> & Partial<Pick<HostRequest, "signal">>,
  ): Promise<HostResponse> {
    const { host, repository, signal } = this.#context;
    return host.send({ method, access: { repository: repository.repository, actions: "push" }, signal, ...request });
  }
}

const OCTETS = { "content-type": "application/octet-stream" };

/** Only the answer to a chunk that was sent is worth waiting for: a chunk that is not goes no further. */
function untilAborted({ length, open }: RequestBody, signal: AbortSignal): RequestBody {
  return {
    length,
    async *open(): AsyncGenerator<Uint8Array> {
      for await (const bytes of open()) {
        signal.throwIfAborted();
        yield bytes;
      }
    },
  };
}

/**
 * Returns how many bytes an answer says the registry has, by its Range `0-LAST`; undefined if it does not say. Nothing
 * and one byte look the same, `0-0`: that counts as not said.
 */
export function receivedOf({ response }: HostResponse): number | undefined {
  const last = /^(?:bytes=)?0-([0-9]{1,15})$/.exec(response.header("range") ?? "")?.[1];
  return last === undefined || last === "0" ? undefined : Number(last) + 1;
}

/** Tells whether an answer is about this digest, as far as it says. */
export function isAbout(digest: Digest, { response }: HostResponse): boolean {
  const named = response.header("docker-content-digest");
  return named === undefined || named === digest;
}

function startRequest(
  { repository, signal }: SessionContext,
  query: { readonly mount?: Digest; readonly from?: string },
): HostRequest {
  const { mount, from } = query;
  const parameters = mount === undefined ? "" : `?${new URLSearchParams({ mount, from: from ?? "" })}`;
  return {
    method: "POST",
    target: `${repository.repository}/blobs/uploads/${parameters}`,
    access: { repository: repository.repository, actions: "push", ...(from === undefined ? {} : { from }) },
    signal,
    lingerMs: CANCEL_TIMEOUT_MS,
  };
}

/** By hand: URLSearchParams would write the registry's own state anew, with other escapes. */
function withDigest(url: URL, digest: Digest): URL {
  const [href = ""] = url.href.split("#", 1);
  return new URL(`${href}${href.includes("?") ? "&" : "?"}digest=${encodeURIComponent(digest)}`);
}
