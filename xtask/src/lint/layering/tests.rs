use super::{Graph, Import, Member, findings};
use crate::lint::rules::Part;

/// Each package: its folder, whether it is a module, what it imports, `(tests)` behind what only its tests do. A
/// folder's last part is its name.
fn judged(house: &[(&str, bool, &[&str])], foreign: &[(&str, &[&str])]) -> Vec<String> {
    let mut graph = Graph::default();
    let mut members = Vec::new();
    let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    for (folder, is_module, imports) in house {
        let name = folder.rsplit('/').next().unwrap();
        graph.names.insert(name.to_owned(), name.to_owned());
        graph.linked.insert(name.to_owned(), owned(imports));
        let part = Part::of(folder, *is_module);
        members.push(Member {
            id: name.to_owned(),
            folder: (*folder).to_owned(),
            part,
            imports: imports.iter().map(|import| read(import)).collect(),
        });
    }
    for (name, imports) in foreign {
        graph.linked.insert((*name).to_owned(), owned(imports));
    }
    findings(&members, &graph)
}

fn read(import: &str) -> Import {
    let name = import.trim_end_matches(" (tests)");
    Import { name: name.to_owned(), in_tests: name != import }
}

#[test]
fn the_house_as_designed_has_no_findings() {
    let house: &[(&str, bool, &[&str])] = &[
        ("crates/primitives", false, &[]),
        ("crates/contract", false, &["serde"]),
        ("crates/inference", false, &["contract"]),
        ("crates/routing", false, &["primitives", "contract", "inference"]),
        ("filters/host", false, &["contract", "proxy-wasm"]),
        ("filters/picker", true, &["host", "routing", "proxy-wasm"]),
        ("bench/empty-filter", true, &["host", "proxy-wasm"]),
        ("services/serving", false, &["contract", "fixtures (tests)", "tokio"]),
        ("services/backing", false, &["tokio"]),
        ("services/weights", false, &["primitives", "backing", "serving", "fixtures (tests)"]),
        (
            "services/worker",
            false,
            &["contract", "fixtures (tests)", "inference", "serving", "weights", "tokio"],
        ),
        ("envoy", false, &["contract"]),
        ("tests/fixtures", false, &[]),
        ("tests", false, &["contract", "envoy", "fixtures"]),
        ("bench", false, &["contract", "tests"]),
        ("simulator", false, &["routing"]),
        ("xtask", false, &["envoy"]),
    ];
    assert_eq!(judged(house, &[("tokio", &["mio"])]), Vec::<String>::new());
}

#[test]
fn a_wrong_import_is_named() {
    let house: &[(&str, bool, &[&str])] = &[
        ("crates/routing", false, &["breaker", "host"]),
        ("crates/breaker", false, &[]),
        ("filters/host", false, &["picker"]),
        ("filters/picker", true, &["worker"]),
        ("services/serving", false, &["routing", "worker"]),
        ("services/tier", false, &["fixtures", "worker (tests)"]),
        ("services/worker", false, &["picker", "proxy-wasm"]),
        ("tests/fixtures", false, &["worker"]),
        ("tests", false, &["routing"]),
        ("tools/odd", false, &[]),
    ];
    assert_eq!(
        judged(house, &[]),
        [
            "crates/routing may not import crates/breaker",
            "crates/routing may not import filters/host",
            "filters/host may not import filters/picker",
            "filters/picker may not import services/worker",
            "services/serving may not import crates/routing",
            "services/serving may not import services/worker",
            "services/tier may not import tests/fixtures",
            "services/tier may not import services/worker",
            "services/worker may not import filters/picker",
            "services/worker may not import proxy-wasm: only filters know it",
            "tests/fixtures may not import services/worker",
            "tests may not import crates/routing",
            "tools/odd is in no part of the house that the rules know",
        ]
    );
}

#[test]
fn what_must_not_run_in_envoy_is_found_from_afar() {
    let house: &[(&str, bool, &[&str])] = &[("crates/routing", false, &["client"])];
    let foreign: &[(&str, &[&str])] = &[("client", &["h3", "runtime"]), ("h3", &[]), ("runtime", &["tokio"])];
    assert_eq!(
        judged(house, foreign),
        ["crates/routing runs in Envoy and reaches tokio: routing → client → runtime → tokio"]
    );
}
