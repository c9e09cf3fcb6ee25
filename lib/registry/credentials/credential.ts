/**
 * Credentials for registries, and the contract of the places they come from.
 *
 * @module
 */
import type { Repository } from "../../oci/reference.ts";

/**
 * What proves who we are: user and password; an identity token, which the token service changes for access tokens
 * (OAuth2 calls it a refresh token); or a registry token, which is an access token already.
 */
export type Credential =
  | { readonly kind: "basic"; readonly username: string; readonly password: string }
  | { readonly kind: "identity token"; readonly token: string }
  | { readonly kind: "registry token"; readonly token: string };

/** A credential and where it was found. */
export interface FoundCredential {
  readonly credential: Credential;
  /** For messages: `"/root/.docker/config.json"`, `docker-credential-pass`. Never holds a secret. */
  readonly origin: string;
}

/** A place where credentials may be found. */
export interface CredentialSource {
  /** For messages. */
  readonly name: string;
  /**
   * Looks for a credential for a repository; asked again for every new token, so that rotated secrets are seen.
   *
   * @throws {KilnError} if the source is there but cannot be read; "nothing for this repository" is undefined.
   */
  find(target: Repository, signal: AbortSignal): Promise<FoundCredential | undefined>;
}
