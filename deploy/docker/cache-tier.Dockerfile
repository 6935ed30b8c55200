# The cache tier, with memory and disk. Build from the root of the repository:
# docker build -f deploy/docker/cache-tier.Dockerfile .
#
# Base images are pinned by tag. Where you build for others, pin them by digest as well.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,sharing=locked,id=spillway-cache-tier-crates,target=/usr/local/cargo/registry \
    --mount=type=cache,sharing=locked,id=spillway-cache-tier,target=/target \
    cargo build --release --locked --target-dir /target --package spillway-cache-tier \
 && install -m 0555 /target/release/spillway-cache-tier /usr/local/bin/spillway-cache-tier

FROM debian:12.12-slim AS cache-tier
COPY --from=build /usr/local/bin/spillway-cache-tier /usr/local/bin/spillway-cache-tier
COPY --chmod=0555 deploy/docker/ready.sh /usr/local/bin/ready
# The one place where it writes. A volume that is mounted here begins with this owner.
RUN install -d -o 10002 -g 10002 /var/cache/spillway
USER 10002:10002
# On loopback: whoever is to reach it shares its network. Elsewhere it wants a token file.
ENTRYPOINT ["spillway-cache-tier", "--listen", "127.0.0.1:10090", "--disk-dir", "/var/cache/spillway/entries"]
CMD ["--memory-max-bytes", "134217728"]
