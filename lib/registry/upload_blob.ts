/**
 * Getting a blob into a repository by the cheapest way that works.
 *
 * In order: it is there already; the registry mounts it from another of its repositories; it is sent whole in one
 * request, which every registry likes best; it is sent in chunks, where a proxy or the registry refuses so much at once
 * (413, 404, 405, a reset), which is remembered for the host (pains-and-security.md 50). When a connection breaks, the
 * registry is asked how much it has and gets the rest; when it has forgotten the session, a new one starts. The bytes
 * are read from the source anew each time, never kept.
 *
 * @module
 */
import type { Backoff } from "../async/retry.ts";
import { retry } from "../async/retry.ts";
import { KilnError } from "../errors.ts";
import type { Descriptor } from "../oci/descriptor.ts";
import { formatRepository, type Repository, sameRepository } from "../oci/reference.ts";
import type { BlobSource } from "../store/blob.ts";
import type { PutOutcome } from "./registry.ts";
import type { HostResponse, RegistryHost } from "./registry_host.ts";
import { isTemporaryStatus, StatusFault } from "./status_fault.ts";
import type { RequestBody } from "../http/transport.ts";
import { TransportFault } from "../http/transport_fault.ts";
import { isAbout, receivedOf, type SessionContext, UploadSession } from "./upload_session.ts";

/** Below the 20 MiB a part may have at ECR, above the 5 MiB it must have. */
const CHUNK_BYTES = 16 * 1024 * 1024;
/** Half of what nginx lets through when nobody has set client_max_body_size. */
const LEAST_CHUNK_BYTES = 512 * 1024;
/** So many uploads must be cut off before chunks are taken to be the rule for a host. */
const CUT_OFFS_TO_REMEMBER = 2;
/** Repositories that are asked for a mount. */
const MOUNT_TRIES = 3;

/** What to put where. */
export interface Upload {
  readonly repository: Repository;
  readonly blob: Descriptor;
  readonly source: BlobSource;
  readonly signal: AbortSignal;
}

/** Makes sure that a blob is in a repository; at most four at a time on one host. */
export async function uploadBlob(host: RegistryHost, upload: Upload): Promise<PutOutcome> {
  const { repository, blob, signal } = upload;
  const action = `push the blob ${blob.digest} to ${formatRepository(repository)}`;
  using _permit = await host.uploads.acquire(signal);
  const backoff = host.backoff(action, signal);
  const attempt = new Attempt(upload, { host, repository, action, signal }, backoff);
  try {
    return await retry(() => attempt.run(), backoff);
  } catch (error) {
    await attempt.cancel();
    throw host.explain(error, action, backoff.tries);
  }
}

/** Carries on from try to try: the session and what the registry has got. */
class Attempt {
  readonly #upload: Upload;
  readonly #context: SessionContext;
  readonly #backoff: Backoff;
  #session: UploadSession | undefined;
  /** How much the registry has in the session. */
  #offset = 0;
  #chunked = false;
  #mountTried = false;
  #sent = false;
  #startedOver = false;

  constructor(upload: Upload, context: SessionContext, backoff: Backoff) {
    this.#upload = upload;
    this.#context = context;
    this.#backoff = backoff;
  }

  /** Tries once more, from where the last try ended. */
  async run(): Promise<PutOutcome> {
    const { blob, repository } = this.#upload;
    const known = `${repository.repository}@${blob.digest}`;
    const misreported = this.#context.host.misreported.has(known);
    // Also after a failure: the registry may have finished what we did not hear the end of.
    if (!misreported && await this.#exists()) return this.#sent ? "uploaded" : "present";
    if (!misreported && !this.#mountTried) {
      this.#mountTried = true;
      if (await this.#mount()) return "mounted";
    }
    this.#session ??= await UploadSession.open(this.#context);
    this.#sent = true;
    if (this.#chunked || this.#context.host.uploadChunkBytes !== undefined) await this.#sendChunks();
    else await this.#sendWhole();
    this.#context.host.misreported.delete(known);
    return "uploaded";
  }

  /** Ends a session that was left open. */
  async cancel(): Promise<void> {
    await this.#session?.cancel();
  }

  async #exists(): Promise<boolean> {
    const { host, repository, signal } = this.#context;
    const answer = await host.send({
      method: "HEAD",
      target: `${repository.repository}/blobs/${this.#upload.blob.digest}`,
      access: { repository: repository.repository, actions: "push" },
      signal,
    });
    const { status } = answer.response;
    if (isTemporaryStatus(status)) throw await host.fault(answer);
    await answer.response.discard();
    // Whatever else it says, the upload will tell: some registries answer 401 or 403 for what is not there yet.
    return status === 200;
  }

  /** Tries to have the blob mounted. A refusal of any kind only means that it has to be sent (F09). */
  async #mount(): Promise<boolean> {
    const { repository, signal } = this.#context;
    const candidates = (this.#upload.source.heldBy ?? []).filter((held) =>
      held.registry === repository.registry && !sameRepository(held, repository)
    );
    for (const { repository: from } of candidates.slice(0, MOUNT_TRIES)) {
      try {
        const outcome = await UploadSession.mount(this.#context, { digest: this.#upload.blob.digest, from });
        if (outcome === "mounted") {
          await this.#session?.cancel();
          this.#session = undefined;
          return true;
        }
        if (outcome === undefined) continue;
        await this.#session?.cancel();
        this.#session = outcome;
      } catch (error) {
        signal.throwIfAborted();
        const refused = error instanceof KilnError || error instanceof StatusFault || error instanceof TransportFault;
        if (!refused) throw error;
      }
    }
    return false;
  }

  async #sendWhole(): Promise<void> {
    const { blob } = this.#upload;
    const session = this.#open();
    const answer = await this.#guarded(session.putWhole(blob.digest, this.#body(0, blob.size)));
    if (isDone(answer)) return await this.#finish(answer);
    const fault = await this.#context.host.fault(answer);
    const { status } = fault;
    if (
      status === 413 || status === 405 || status === 411 || status === 501 || (status === 404 && !isForgotten(fault))
    ) {
      this.#context.host.uploadChunkBytes ??= CHUNK_BYTES;
      await this.#realign();
      this.#session ??= await UploadSession.open(this.#context);
      return await this.#sendChunks();
    }
    await this.#giveUp(fault);
  }

  async #sendChunks(): Promise<void> {
    const { blob } = this.#upload;
    this.#chunked = true;
    while (this.#offset < blob.size) await this.#sendChunk();
    const answer = await this.#guarded(this.#open().commit(blob.digest));
    if (isDone(answer)) return await this.#finish(answer);
    await this.#giveUp(await this.#context.host.fault(answer));
  }

  async #sendChunk(): Promise<void> {
    const { host } = this.#context;
    const session = this.#open();
    const chunkBytes = Math.max(host.uploadChunkBytes ?? CHUNK_BYTES, session.minChunkBytes);
    const length = Math.min(chunkBytes, this.#upload.blob.size - this.#offset);
    const answer = await this.#guarded(session.patch(this.#offset, this.#body(this.#offset, length)));
    if (answer.response.status === 202) {
      const received = receivedOf(answer) ?? this.#offset + length;
      await answer.response.discard();
      if (received <= this.#offset || received > this.#offset + length) {
        throw this.#lost("took other bytes than were sent");
      }
      this.#offset = received;
      this.#backoff.progress();
      return;
    }
    const fault = await host.fault(answer);
    const smaller = Math.max(Math.floor(length / 2), session.minChunkBytes, LEAST_CHUNK_BYTES);
    if (fault.status === 413 && smaller < length) {
      host.uploadChunkBytes = smaller;
      await this.#realign();
      this.#session ??= await UploadSession.open(this.#context);
      return;
    }
    await this.#giveUp(fault);
  }

  /** Waits for an answer; if the connection breaks instead, finds out what the registry has before it is tried again. */
  async #guarded(answer: Promise<HostResponse>): Promise<HostResponse> {
    try {
      return await answer;
    } catch (error) {
      const broken = error instanceof TransportFault && (error.phase === "send" || error.phase === "answer");
      if (broken && error.temporary) {
        await this.#realign();
        this.#noteCutOff();
        this.#chunked = true;
      }
      throw error;
    }
  }

  /** When large bodies never get through, something on the way does not like them; once may be chance. */
  #noteCutOff(): void {
    if (this.#chunked || this.#upload.blob.size <= CHUNK_BYTES) return;
    const { host } = this.#context;
    if (++host.uploadsCutOff >= CUT_OFFS_TO_REMEMBER) host.uploadChunkBytes ??= CHUNK_BYTES;
  }

  /** Ends a try with what the registry said, after setting the stage for the next, if there is to be one. */
  async #giveUp(fault: StatusFault): Promise<never> {
    if (fault.temporary) {
      await this.#realign();
      throw fault;
    }
    if (fault.status === 404) throw this.#lost("does not know the upload session any more");
    const misfit = fault.status === 416 || fault.hasCode("DIGEST_INVALID", "SIZE_INVALID", "BLOB_UPLOAD_INVALID");
    if (!misfit) throw fault;
    if (!this.#startedOver) {
      // What was sent in parts may have been put together wrongly, and what was sent whole may not be taken in that way:
      // the next try starts from nothing, in the way all clients know.
      this.#startedOver = true;
      this.#chunked = true;
      throw this.#lost("does not take what was sent");
    }
    const said = fault.words === "" ? "" : `: ${fault.words}`;
    const message = `Cannot ${this.#context.action}: its content is not what its digest says (${fault.status})${said}`;
    throw new KilnError("integrity", message, { cause: fault });
  }

  /** Asks the registry how much it has, and drops the session if it cannot say. */
  async #realign(): Promise<void> {
    const { signal } = this.#context;
    const received = await this.#open().received().catch((error) => {
      signal.throwIfAborted();
      if (error instanceof TransportFault || error instanceof StatusFault || error instanceof KilnError) {
        return undefined;
      }
      throw error;
    });
    if (received !== undefined && received <= this.#upload.blob.size) {
      this.#offset = received;
      this.#chunked = true;
      return;
    }
    await this.#session?.cancel();
    this.#session = undefined;
    this.#offset = 0;
  }

  async #finish(answer: HostResponse): Promise<void> {
    const { blob } = this.#upload;
    await answer.response.discard();
    this.#session = undefined;
    if (isAbout(blob.digest, answer)) return;
    throw new KilnError("integrity", `Cannot ${this.#context.action}: the registry stored it under another digest`);
  }

  #lost(what: string): TransportFault {
    this.#session = undefined;
    this.#offset = 0;
    const host = this.#context.host.registry;
    return new TransportFault(`"${host}" ${what}`, { phase: "answer", host, code: "KILN_SESSION" });
  }

  #open(): UploadSession {
    if (this.#session === undefined) throw new Error("Unreachable: nothing is sent without a session");
    return this.#session;
  }

  #body(offset: number, length: number): RequestBody {
    const { source } = this.#upload;
    return {
      length,
      open: () => offset === 0 && length === this.#upload.blob.size ? source.open() : part(source, offset, length),
    };
  }
}

/** Streams `length` bytes of a source. */
async function* part(source: BlobSource, offset: number, length: number): AsyncGenerator<Uint8Array> {
  let left = length;
  for await (const chunk of source.open(offset)) {
    if (chunk.length >= left) {
      yield chunk.subarray(0, left);
      return;
    }
    left -= chunk.length;
    yield chunk;
  }
}

/** 201 is what the specification says; others are met too. */
function isDone({ response }: HostResponse): boolean {
  return response.status === 201 || response.status === 204 || response.status === 200;
}

function isForgotten(fault: StatusFault): boolean {
  return fault.hasCode("BLOB_UPLOAD_UNKNOWN", "BLOB_UPLOAD_INVALID");
}
