//! Leaving in a module only the exports that its filter implements.

use super::abi::ALWAYS_KEPT;
use anyhow::{Result, bail};
use walrus::Module;

/// Removes every other export; a callback that is listed but not there is an error.
pub(super) fn prune(module: &mut Module, callbacks: &[String]) -> Result<()> {
    if let Some(missing) = callbacks.iter().find(|name| !has(module, name)) {
        bail!("lists the callback {missing}, which the module does not export");
    }
    let kept = |name: &str| ALWAYS_KEPT.contains(&name) || callbacks.iter().any(|callback| callback == name);
    let unused: Vec<_> =
        module.exports.iter().filter(|export| !kept(&export.name)).map(walrus::Export::id).collect();
    for id in unused {
        module.exports.delete(id);
    }
    Ok(())
}

fn has(module: &Module, name: &str) -> bool {
    module.exports.iter().any(|export| export.name == name)
}

#[cfg(test)]
mod tests {
    use super::prune;
    use walrus::Module;

    fn module() -> Module {
        let exports = ["memory_is_below", "proxy_on_tick", "proxy_on_log", "proxy_abi_version_0_2_1"];
        let functions: String = exports.iter().map(|name| format!("(func (export \"{name}\"))")).collect();
        let text = format!("(module (memory (export \"memory\") 1) {functions})");
        Module::from_buffer(&wat::parse_str(text).unwrap()).unwrap()
    }

    #[test]
    fn what_is_listed_and_what_is_needed_stays() {
        let mut module = module();
        prune(&mut module, &["proxy_on_tick".to_owned()]).unwrap();
        let mut left: Vec<_> = module.exports.iter().map(|export| export.name.clone()).collect();
        left.sort();
        assert_eq!(left, ["memory", "proxy_abi_version_0_2_1", "proxy_on_tick"]);
    }

    #[test]
    fn a_callback_that_is_not_there_is_refused() {
        let error = prune(&mut module(), &["proxy_on_done".to_owned()]).unwrap_err();
        assert_eq!(error.to_string(), "lists the callback proxy_on_done, which the module does not export");
    }
}
