# The executor image: /kaniko, an empty /workspace, and nothing else. Built by Kiln, without a daemon:
#
#     deno task image                          the image, into dist/image
#     deno task image --target=debug           the variant with a shell
#     deno task image --destination=REGISTRY/kiln:1.0
#
# What comes from outside is named by arguments, so that a closed network can put its own in their place:
#
# BASE      Debian or a relative, for the stage that builds. With patchelf, ca-certificates and busybox-static in it no
#           package mirror is needed. Its C library and its CA certificates go into the image.
# RUNTIME   an image with the deno binary as /deno; and denort, if Deno's own host cannot be reached, as /denort. With
#           neither of the two, /kaniko/executor starts that deno, and is not compiled.
# NPM_CONFIG_REGISTRY   where npm packages come from.
ARG BASE=docker.io/library/debian:bookworm-slim
ARG RUNTIME=docker.io/denoland/deno:bin-2.9.6

FROM ${RUNTIME} AS runtime

FROM ${BASE} AS build
RUN <<EOF
set -e
for file in /usr/bin/patchelf /etc/ssl/certs/ca-certificates.crt /bin/busybox; do
  [ -e "$file" ] || missing=yes
done
[ -n "${missing:-}" ] || exit 0
export DEBIAN_FRONTEND=noninteractive
apt-get update
apt-get install -y --no-install-recommends patchelf ca-certificates busybox-static
EOF
WORKDIR /src
COPY --from=runtime /deno* /usr/local/bin/
COPY . .
ARG NPM_CONFIG_REGISTRY
# System certificates too: a closed network's registry is signed by its own authority.
RUN --mount=type=cache,target=/var/cache/deno <<EOF
set -e
export DENO_DIR=/var/cache/deno DENO_TLS_CA_STORE=mozilla,system
[ ! -e /usr/local/bin/denort ] || export DENORT_BIN=/usr/local/bin/denort
deno run -A scripts/image/write_root.ts --root=/image --debug-root=/debug
EOF

FROM scratch AS base
COPY --from=build /image/ /
ENV HOME=/root \
    USER=root \
    PATH=/usr/local/bin:/kaniko \
    SSL_CERT_DIR=/kaniko/ssl/certs \
    DOCKER_CONFIG=/kaniko/.docker/ \
    DOCKER_CREDENTIAL_GCR_CONFIG=/kaniko/.config/gcloud/docker_credential_gcr_config.json
WORKDIR /workspace
ENTRYPOINT ["/kaniko/executor"]

FROM base AS debug
COPY --from=build /debug/ /
ENV PATH=/usr/local/bin:/kaniko:/busybox
VOLUME /busybox

FROM base AS executor
