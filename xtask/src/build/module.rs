//! From the linked module to the one that Envoy loads: pruned, swept, stripped and checked.

use super::{exports, imports};
use anyhow::{Context, Result, anyhow};
use std::fs;
use std::path::Path;
use std::time::SystemTime;
use walrus::{Module, ModuleConfig};

/// Writes the finished module unless nothing that it is made of is newer. With `callbacks` all other exports go.
pub(super) fn finish(linked: &Path, to: &Path, callbacks: Option<&[String]>, manifest: &Path) -> Result<()> {
    let made_by = std::env::current_exe()?;
    if is_current(to, &[linked, manifest, &made_by]) {
        return Ok(());
    }
    let bytes = fs::read(linked).with_context(|| format!("{} cannot be read", linked.display()))?;
    let finished = transform(&bytes, callbacks).with_context(|| linked.display().to_string())?;
    // Renamed into place: an Envoy that starts meanwhile finds the old module or the new one, never half of one.
    let half = to.with_extension("wasm.part");
    fs::write(&half, finished)?;
    fs::rename(&half, to).with_context(|| format!("{} cannot be written", to.display()))
}

fn transform(bytes: &[u8], callbacks: Option<&[String]>) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false).generate_dwarf(false);
    let mut module = config.parse(bytes).map_err(|error| anyhow!("is no WebAssembly module: {error}"))?;
    if let Some(callbacks) = callbacks {
        exports::prune(&mut module, callbacks)?;
    }
    strip(&mut module);
    walrus::passes::gc::run(&mut module);
    imports::check(&module)?;
    Ok(module.emit_wasm())
}

/// Custom sections say things about a module that no host reads.
fn strip(module: &mut Module) {
    let sections: Vec<_> = module.customs.iter().map(|(id, _)| id).collect();
    for id in sections {
        module.customs.delete(id);
    }
}

fn is_current(file: &Path, than: &[&Path]) -> bool {
    let Some(own) = modified(file) else { return false };
    than.iter().all(|other| modified(other).is_some_and(|time| time <= own))
}

fn modified(file: &Path) -> Option<SystemTime> {
    file.metadata().ok()?.modified().ok()
}

#[cfg(test)]
mod tests {
    use super::{finish, is_current, transform};
    use std::time::SystemTime;
    use walrus::Module;

    const TEXT: &str = r#"(module $named
        (import "env" "proxy_log" (func $log))
        (import "env" "proxy_done" (func $done))
        (memory (export "memory") 1)
        (func $tick (export "proxy_on_tick") call $log)
        (func $body (export "proxy_on_request_body") call $done)
        (@custom "producers" "rustc"))"#;

    #[test]
    fn what_only_a_removed_export_used_is_swept() {
        let bytes = wat::parse_str(TEXT).unwrap();
        let all = transform(&bytes, None).unwrap();
        assert_eq!(Module::from_buffer(&all).unwrap().imports.iter().count(), 2);

        let pruned = transform(&bytes, Some(&["proxy_on_tick".to_owned()])).unwrap();
        let module = Module::from_buffer(&pruned).unwrap();
        let imports: Vec<_> = module.imports.iter().map(|import| import.name.as_str()).collect();
        assert_eq!(imports, ["proxy_log"]);
        assert_eq!(module.funcs.iter().count(), 2);
        assert_eq!(module.customs.iter().count(), 0);
        assert!(pruned.len() < all.len() && all.len() < bytes.len());
    }

    #[test]
    fn a_finished_module_is_not_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let [linked, to, manifest] =
            ["linked.wasm", "to.wasm", "Cargo.toml"].map(|name| folder.path().join(name));
        std::fs::write(&linked, wat::parse_str(TEXT).unwrap()).unwrap();
        std::fs::write(&manifest, "").unwrap();
        assert!(!is_current(&to, &[&linked]));
        finish(&linked, &to, None, &manifest).unwrap();
        assert!(is_current(&to, &[&linked, &manifest]));
        std::fs::write(&linked, "not wasm").unwrap();
        let later = SystemTime::now() + std::time::Duration::from_secs(1);
        std::fs::File::open(&linked).unwrap().set_modified(later).unwrap();
        let error = format!("{:#}", finish(&linked, &to, None, &manifest).unwrap_err());
        assert!(error.contains("linked.wasm: is no WebAssembly module"), "{error}");
    }
}
