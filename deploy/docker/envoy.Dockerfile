# Envoy with the filters in it, and, as target `filters`, the filters alone (for an init container, deploy/istio).
# Build from the root of the repository: docker build -f deploy/docker/envoy.Dockerfile [--target filters] .
#
# Base images are pinned by tag. Where you build for others, pin them by digest as well.

FROM rust:1.95.0-slim-bookworm AS build
RUN rustup target add wasm32-unknown-unknown
WORKDIR /src
COPY . .
# Compiled files stay in the builder's cache, so that a change of one filter does not build everything again.
RUN --mount=type=cache,sharing=locked,id=spillway-filters-crates,target=/usr/local/cargo/registry \
    --mount=type=cache,sharing=locked,id=spillway-filters,target=/target \
    CARGO_TARGET_DIR=/target SPILLWAY_WASM_TOOLCHAIN=rustup cargo xtask build \
 && install -D -m 0444 -t /filters \
    /target/filters/circuit-breaker.wasm /target/filters/endpoint-picker.wasm \
    /target/filters/load-shedder.wasm /target/filters/response-cache.wasm

FROM busybox:1.37.0-musl AS filters
COPY --from=build /filters /filters
USER 65532:65532
# For a look; an init container gives its own command.
CMD ["ls", "-l", "/filters"]

FROM envoyproxy/envoy:v1.40.0 AS envoy
COPY --from=build /filters /etc/spillway/filters
COPY --chmod=0444 envoy/docker.yaml /etc/spillway/envoy.yaml
COPY --chmod=0555 deploy/docker/ready.sh /usr/local/bin/ready
# The image's own user; without root there is nothing to drop at the start.
USER 101:101
# A configuration that this Envoy refuses fails the build, not the start.
RUN ["envoy", "--mode", "validate", "-c", "/etc/spillway/envoy.yaml"]
EXPOSE 10000 9901
ENTRYPOINT ["envoy", "-c", "/etc/spillway/envoy.yaml", "--disable-hot-restart"]
CMD ["--concurrency", "2", "--log-level", "warning"]
