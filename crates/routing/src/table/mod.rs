//! What all Envoy workers agree on about a pool's endpoints: one value in Envoy's shared data, changed by
//! compare-and-swap.
//!
//! A place in the table owns the endpoint's gauges. Envoy can never delete a stat, so places are bounded, and a
//! place keeps its label for ever: the first `max_endpoints` addresses that are ever seen get a label made of the
//! address, and those labels never come to mean another endpoint. Later addresses share as many numbered places,
//! which are handed on when their endpoint is long gone and idle.
//!
//! What the table does not hold: anything that changes per request. That is in the gauges.

mod codec;
mod places;

pub use places::{Applied, Bounds, TableFull};

use serde::{Deserialize, Serialize};
use spillway_contract::metrics;
use spillway_primitives::Timestamp;

/// The endpoints of one pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    /// The pool's name; empty while the table belongs to no pool.
    pub pool: String,
    /// Places in order; a place's number is its index.
    pub places: Vec<Place>,
}

/// One place: a label, and the endpoint that has it now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// `ip:port` of the endpoint.
    pub address: String,
    /// Whether the label is the address or the place's number.
    pub labelled_by: LabelledBy,
    /// Whether the endpoint belongs to the pool, and may be chosen.
    pub presence: Presence,
    /// When it began to serve; it warms up from then on.
    pub since: Timestamp,
    /// Envoy's load-balancing weight, at least 1.
    pub weight: u32,
    /// The locality's zone; empty where none is set.
    pub zone: String,
}

/// What a place's label is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum LabelledBy {
    /// The address: the place is this endpoint's for ever.
    Address,
    /// The place's number: the place may be handed on.
    Number,
}

/// Whether an endpoint belongs to the pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Presence {
    /// A member that may be chosen.
    Serving,
    /// A member that may not be chosen at present.
    Unhealthy,
    /// A member on its way out.
    Draining,
    /// Attempts go there, but no source of membership has named it.
    Seen,
    /// No longer a member, since this Unix time in seconds.
    Gone {
        /// Unix time in seconds.
        since: u64,
    },
}

impl Table {
    /// The label of a place, as it stands in metric names; `None` beyond the table.
    #[must_use]
    pub fn label(&self, number: usize) -> Option<String> {
        self.places.get(number).map(|place| match place.labelled_by {
            LabelledBy::Address => metrics::label(&place.address),
            LabelledBy::Number => format!("slot_{number}"),
        })
    }

    /// The place of an address.
    #[must_use]
    pub fn find(&self, address: &str) -> Option<usize> {
        self.places.iter().position(|place| place.address == address)
    }
}

#[cfg(test)]
mod tests;
