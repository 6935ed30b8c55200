//! Where things lie, in one place: everything that xtask makes is under the target directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// The folders of this checkout.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    root: PathBuf,
    target: PathBuf,
}

impl Layout {
    /// The checkout that cargo runs this xtask from; `CARGO_TARGET_DIR` moves the target directory as it does for cargo.
    pub(crate) fn find() -> Self {
        // Set by `cargo run`; the one of build time is for a start by hand and would miss a checkout that was moved.
        let manifest =
            std::env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        let manifest = Path::new(&manifest);
        let root = manifest.parent().unwrap_or(manifest).to_path_buf();
        Self::new(root, std::env::var_os("CARGO_TARGET_DIR"))
    }

    fn new(root: PathBuf, target_dir: Option<OsString>) -> Self {
        let target = match target_dir {
            Some(dir) if Path::new(&dir).is_absolute() => PathBuf::from(dir),
            Some(dir) => std::env::current_dir().unwrap_or_else(|_| root.clone()).join(dir),
            None => root.join("target"),
        };
        Self { root, target }
    }

    /// The workspace's folder.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target directory for native builds.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Cargo's target directory for wasm32: its own, so that a native build never waits for its lock.
    pub(crate) fn wasm_target(&self) -> PathBuf {
        self.target.join("wasm")
    }

    /// The filters as they are loaded by Envoy.
    pub(crate) fn filters(&self) -> PathBuf {
        self.target.join("filters")
    }

    /// Programs that set-up fetched, private to this checkout.
    pub(crate) fn tools(&self) -> PathBuf {
        self.target.join("tools")
    }

    /// Model files.
    pub(crate) fn models(&self) -> PathBuf {
        self.target.join("models")
    }

    /// A program of the workspace, built with `--release`.
    pub(crate) fn release_program(&self, name: &str) -> PathBuf {
        self.target.join("release").join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::Layout;
    use std::path::{Path, PathBuf};

    #[test]
    fn the_target_directory_follows_cargo() {
        let plain = Layout::new(PathBuf::from("/src"), None);
        assert_eq!(plain.filters(), Path::new("/src/target/filters"));
        let moved = Layout::new(PathBuf::from("/src"), Some("/fast/disk".into()));
        assert_eq!(moved.wasm_target(), Path::new("/fast/disk/wasm"));
        assert_eq!(moved.root(), Path::new("/src"));
    }
}
