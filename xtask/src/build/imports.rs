//! A module may ask its host for nothing but proxy-wasm's functions, or hosts refuse to load it.
//!
//! A stray import (WASI, wasm-bindgen's glue, a clock of `std`) shows here, with its name, and not in production.

use super::abi::HOST_FUNCTIONS;
use anyhow::{Result, bail};
use walrus::{ImportKind, Module};

/// Refuses a module with any other import.
pub(super) fn check(module: &Module) -> Result<()> {
    for import in module.imports.iter() {
        let is_function = matches!(import.kind, ImportKind::Function(_));
        if import.module != "env" || !is_function || !HOST_FUNCTIONS.contains(&import.name.as_str()) {
            bail!("imports {}.{}, which proxy-wasm 0.2.1 does not offer", import.module, import.name);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check;
    use walrus::Module;

    fn checked(imports: &str) -> Result<(), String> {
        let bytes = wat::parse_str(format!("(module {imports})")).unwrap();
        check(&Module::from_buffer(&bytes).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn only_the_hosts_functions_are_imported() {
        assert_eq!(checked(""), Ok(()));
        assert_eq!(checked(r#"(import "env" "proxy_log" (func))"#), Ok(()));
        for (imports, stray) in [
            (r#"(import "wasi_snapshot_preview1" "fd_write" (func))"#, "wasi_snapshot_preview1.fd_write"),
            (r#"(import "wasi" "proxy_log" (func))"#, "wasi.proxy_log"),
            (r#"(import "env" "proxy_lag" (func))"#, "env.proxy_lag"),
            (r#"(import "env" "proxy_log" (memory 1))"#, "env.proxy_log"),
        ] {
            let refusal = format!("imports {stray}, which proxy-wasm 0.2.1 does not offer");
            assert_eq!(checked(imports), Err(refusal));
        }
    }
}
