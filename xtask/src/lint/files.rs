//! Small files, one idea each: none above the limit, and the median told so that its drift shows.

use super::none_of;
use crate::layout::Layout;
use crate::say;
use anyhow::{Context, Result};
use std::fs;
use std::path::Path;

/// Lines of one Rust file.
const LIMIT: usize = 500;

pub(super) fn check(layout: &Layout) -> Result<bool> {
    let mut files = Vec::new();
    collect(layout.root(), layout.target(), &mut files)?;
    let mut lengths: Vec<usize> = files.iter().map(|(_, lines)| *lines).collect();
    lengths.sort_unstable();
    let median = lengths.get(lengths.len() / 2).copied().unwrap_or_default();
    say::step("lint", "file sizes", format_args!("{} Rust files, median {median} lines", files.len()));

    let findings: Vec<String> = files
        .iter()
        .filter(|(_, lines)| *lines > LIMIT)
        .map(|(file, lines)| format!("{file} has {lines} lines; {LIMIT} is the limit"))
        .collect();
    none_of(&findings).map(|()| true)
}

/// All Rust files below a folder, with their lines; build output and hidden folders are nobody's source.
fn collect(folder: &Path, target: &Path, files: &mut Vec<(String, usize)>) -> Result<()> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    for entry in entries {
        let path = entry?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" && path != target {
                collect(&path, target, files)?;
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text =
                fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
            files.push((path.display().to_string(), text.lines().count()));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::collect;
    use std::fs;

    #[test]
    fn source_is_counted_and_build_output_is_not() {
        let root = tempfile::tempdir().unwrap();
        for folder in ["src", "target/debug", ".hidden"] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
            fs::write(root.path().join(folder).join("a.rs"), "one\ntwo\n").unwrap();
        }
        fs::write(root.path().join("README.md"), "text").unwrap();
        let mut files = Vec::new();
        collect(root.path(), &root.path().join("target"), &mut files).unwrap();
        let [(file, 2)] = files.as_slice() else { panic!("{files:?}") };
        assert!(file.ends_with("src/a.rs"), "{file}");
    }
}
