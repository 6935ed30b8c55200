//! Telling a client that is served what it has left of its budget, so that it can slow down before it is refused.

use spillway_contract::headers::{RATE_LIMIT, RATE_LIMIT_POLICY};
use spillway_host::{Headers, Host};
use spillway_shedding::budget::{limit_header, policy_header};

use crate::budgets::Charge;

/// Sets both headers of the answer at hand, as of the charge. Two calls to the host, so only where there is a budget that
/// somebody is held to.
pub(crate) fn tell(host: &dyn Host, charge: Option<&Charge>) {
    let Some((charge, standing)) = charge.and_then(|charge| Some((charge, charge.told.as_ref()?))) else {
        return;
    };
    host.set_header(Headers::Response, RATE_LIMIT_POLICY, &policy_header(&charge.who.quota)).ok();
    host.set_header(Headers::Response, RATE_LIMIT, &limit_header(standing)).ok();
}
