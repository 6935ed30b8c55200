//! What may import what, as data: see ARCHITECTURE.md.

/// A part of the house: which folder a package lies in and whether it is a base or a module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// `crates/primitives`, `crates/contract`, `crates/inference`: what every decision may use.
    Base,
    /// Any other of `crates/`: one decision.
    Decision,
    /// A library of `filters/`: glue that filters share.
    FilterLibrary,
    /// A module for Envoy.
    Filter,
    Service,
    /// What services share.
    ServiceLibrary,
    /// The shipped Envoy configuration.
    Envoy,
    /// `crates/contract` as seen from outside the product: see `allows`.
    Tests,
    /// `tests/fixtures`: what tests start and hold. It knows no part of the house.
    Fixtures,
    Bench,
    Simulator,
    Xtask,
    /// A folder that these rules do not know.
    Unknown,
}

const BASE: &[&str] = &["crates/primitives", "crates/contract", "crates/inference"];

const SERVICE_LIBRARIES: &[&str] = &["services/backing", "services/serving", "services/weights"];

/// Never reached from a decision or a filter, however far away: they bring threads, clocks, sockets or another host.
pub(super) const NEVER_IN_WASM: &[&str] =
    &["axum", "candle-core", "hyper", "mio", "rayon", "reqwest", "socket2", "tokio", "ureq", "wasm-bindgen"];

/// The crate that only `filters/` know.
pub(super) const SDK: &str = "proxy-wasm";

impl Part {
    /// From the folder below the root, and whether the package becomes a module.
    pub(super) fn of(folder: &str, is_module: bool) -> Self {
        match folder.split('/').next().unwrap_or_default() {
            _ if is_module => Self::Filter,
            "crates" if BASE.contains(&folder) => Self::Base,
            "crates" => Self::Decision,
            "filters" => Self::FilterLibrary,
            "services" if SERVICE_LIBRARIES.contains(&folder) => Self::ServiceLibrary,
            "services" => Self::Service,
            "envoy" => Self::Envoy,
            "tests" if folder == "tests/fixtures" => Self::Fixtures,
            "tests" => Self::Tests,
            "bench" => Self::Bench,
            "simulator" => Self::Simulator,
            "xtask" => Self::Xtask,
            _ => Self::Unknown,
        }
    }

    /// Whether a package of this part may import one of that part, perhaps in its tests alone; `folder` is that one's.
    pub(super) fn allows(self, other: Self, folder: &str, in_tests: bool) -> bool {
        match self {
            Self::Service | Self::ServiceLibrary if in_tests && other == Self::Fixtures => true,
            Self::Base | Self::Decision => other == Self::Base,
            Self::FilterLibrary | Self::Filter => {
                matches!(other, Self::Base | Self::Decision | Self::FilterLibrary)
            }
            Self::Service => matches!(other, Self::Base | Self::Decision | Self::ServiceLibrary),
            Self::ServiceLibrary => matches!(other, Self::Base | Self::ServiceLibrary),
            Self::Simulator => matches!(other, Self::Base | Self::Decision),
            Self::Envoy => folder == "crates/contract",
            // From outside: what the parts agree on, the configuration that is loaded, and the harness itself.
            Self::Tests | Self::Bench => {
                folder == "crates/contract" || matches!(other, Self::Envoy | Self::Tests | Self::Fixtures)
            }
            Self::Xtask => other == Self::Envoy,
            Self::Fixtures | Self::Unknown => false,
        }
    }

    /// Decisions and everything in `filters/` are built for wasm32.
    pub(super) fn is_wasm(self) -> bool {
        matches!(self, Self::Base | Self::Decision | Self::FilterLibrary | Self::Filter)
    }

    pub(super) fn may_know_the_sdk(self) -> bool {
        matches!(self, Self::FilterLibrary | Self::Filter)
    }
}
