//! What a cache tier adds to an answer.

use spillway_contract::cache::protocol::{LEASE_HEADER, Lease, TIER_HEADER, Tier};
use spillway_fixtures::Reply;

pub(crate) trait TierReply {
    /// Which tier answered.
    fn tier(&self) -> Option<Tier>;

    /// What is said about the lease.
    fn lease(&self) -> Option<Lease>;

    /// The token of a lease that was granted.
    fn granted(&self) -> String;
}

impl TierReply for Reply {
    fn tier(&self) -> Option<Tier> {
        self.header(TIER_HEADER).map(|text| Tier::parse(text).unwrap())
    }

    fn lease(&self) -> Option<Lease> {
        self.header(LEASE_HEADER).map(|text| Lease::parse(text).unwrap())
    }

    #[track_caller]
    fn granted(&self) -> String {
        match self.lease() {
            Some(Lease::Granted(token)) => token.to_hex(),
            other => panic!("{other:?}: {self:?}"),
        }
    }
}
