//! The built and fetched things that are tested: named by the environment, else where `cargo xtask` puts them.

use std::path::{Path, PathBuf};

const FILTERS: [&str; 4] = ["response-cache", "load-shedder", "endpoint-picker", "circuit-breaker"];

/// The checkout.
#[must_use]
pub fn repository() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    let up = if Path::new(&here).join("Cargo.lock").exists() { "." } else { ".." };
    std::path::absolute(Path::new(&here).join(up)).unwrap()
}

/// Envoy's program.
pub(crate) fn envoy() -> PathBuf {
    let named = ["SPILLWAY_ENVOY", "ENVOY_BIN"].into_iter().find_map(std::env::var_os);
    let Some(named) = named else {
        panic!("no Envoy: run `cargo xtask test`, or set SPILLWAY_ENVOY or ENVOY_BIN")
    };
    present(named.into(), "Envoy")
}

/// The folder of the built filters.
#[must_use]
pub fn filters() -> PathBuf {
    let folder = named_or("SPILLWAY_FILTERS", "target/filters");
    for filter in FILTERS {
        present(folder.join(format!("{filter}.wasm")), "filter");
    }
    folder
}

/// The folder of the test-only builds that panic when they are asked to.
pub(crate) fn chaos_filters() -> PathBuf {
    let folder = filters().join("chaos");
    for filter in FILTERS {
        present(folder.join(format!("{filter}.wasm")), "filter that panics when asked to");
    }
    folder
}

/// The inference worker's program.
pub(crate) fn worker() -> PathBuf {
    present(named_or("SPILLWAY_WORKER", "target/release/spillway-worker"), "inference worker")
}

/// The cache tier's program.
pub(crate) fn cache_tier() -> PathBuf {
    present(named_or("SPILLWAY_CACHE_TIER", "target/release/spillway-cache-tier"), "cache tier")
}

/// The language model.
pub(crate) fn model() -> PathBuf {
    present(named_or("SPILLWAY_MODEL", "target/models/smollm2-135m-instruct-q4_1.gguf"), "language model")
}

/// The folder of the embedding model.
pub(crate) fn embedding_model() -> PathBuf {
    present(named_or("SPILLWAY_EMBEDDING_MODEL", "target/models/all-minilm-l6-v2"), "embedding model")
}

fn named_or(variable: &str, place: &str) -> PathBuf {
    std::env::var_os(variable).map_or_else(|| repository().join(place), PathBuf::from)
}

#[track_caller]
fn present(file: PathBuf, what: &str) -> PathBuf {
    assert!(
        file.exists(),
        "no {what} at {}: run `cargo xtask test`, which builds and fetches it",
        file.display()
    );
    file
}
