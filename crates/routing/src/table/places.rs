//! Who gets a place, and who loses one.

use std::collections::BTreeMap;

use spillway_primitives::Timestamp;

use super::{LabelledBy, Place, Presence, Table};
use crate::membership::{Member, Standing};

/// How long an endpoint must be gone before its numbered place is handed on, in seconds: longer than any Envoy
/// worker goes on with an old copy of the table.
const HAND_ON_AFTER_SECONDS: u64 = 10;

/// How large a table may become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Places whose label is an address, and as many again whose label is a number.
    pub max_endpoints: usize,
}

/// There is no place for one more endpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("all places of the endpoint table are taken")]
pub struct TableFull;

/// What a new membership did to the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// Something is different, so the table must be written.
    pub changed: bool,
    /// Places whose endpoint is new there: their gauges start anew.
    pub fresh: Vec<usize>,
    /// Members for which there was no place.
    pub refused: usize,
}

impl Table {
    /// The place of `address`, taken now if it has none. An endpoint that comes back gets its old place.
    ///
    /// `idle(place)` says whether nothing is in flight there; only an idle place is handed on.
    ///
    /// # Errors
    ///
    /// [`TableFull`] when there is no place left within `bounds`.
    pub fn claim(
        &mut self,
        address: &str,
        now: Timestamp,
        bounds: Bounds,
        idle: impl Fn(usize) -> bool,
    ) -> Result<usize, TableFull> {
        match self.find(address) {
            Some(number) => Ok(number),
            None => self.take_place(address, now, bounds, idle),
        }
    }

    /// Makes `members` the membership. Who is not named any more is gone, but for those that were only seen.
    pub fn apply(
        &mut self,
        members: &[Member],
        now: Timestamp,
        bounds: Bounds,
        idle: impl Fn(usize) -> bool,
    ) -> Applied {
        let mut applied = Applied::default();
        let mut named: BTreeMap<&str, &Member> = members.iter().map(|m| (m.address.as_str(), m)).collect();
        for place in &mut self.places {
            let next = match (named.remove(place.address.as_str()), place.presence) {
                (Some(member), _) => place.taken_by(member, now),
                (None, Presence::Gone { .. } | Presence::Seen) => continue,
                (None, _) => Place { presence: Presence::Gone { since: now.as_secs() }, ..place.clone() },
            };
            applied.changed |= *place != next;
            *place = next;
        }
        for member in named.into_values() {
            match self.take_place(&member.address, now, bounds, &idle) {
                Ok(number) => {
                    if let Some(place) = self.places.get_mut(number) {
                        *place = place.taken_by(member, now);
                    }
                    applied.changed = true;
                    applied.fresh.push(number);
                }
                Err(TableFull) => applied.refused += 1,
            }
        }
        applied
    }

    fn take_place(
        &mut self,
        address: &str,
        now: Timestamp,
        bounds: Bounds,
        idle: impl Fn(usize) -> bool,
    ) -> Result<usize, TableFull> {
        let count = self.places.len();
        let place = |labelled_by| Place {
            address: address.to_owned(),
            labelled_by,
            presence: Presence::Seen,
            since: Timestamp::ZERO,
            weight: 1,
            zone: String::new(),
        };
        if count < bounds.max_endpoints {
            self.places.push(place(LabelledBy::Address));
            return Ok(count);
        }
        if count < bounds.max_endpoints.saturating_mul(2) {
            self.places.push(place(LabelledBy::Number));
            return Ok(count);
        }
        let handed_on = self.places.iter_mut().enumerate().find(|(number, old)| {
            old.labelled_by == LabelledBy::Number
                && matches!(old.presence, Presence::Gone { since } if since + HAND_ON_AFTER_SECONDS <= now.as_secs())
                && idle(*number)
        });
        let (number, old) = handed_on.ok_or(TableFull)?;
        *old = place(LabelledBy::Number);
        Ok(number)
    }
}

impl Place {
    /// The place as a member has it: since now, if the member did not serve before.
    fn taken_by(&self, member: &Member, now: Timestamp) -> Self {
        let presence = match member.standing {
            Standing::Serving => Presence::Serving,
            Standing::Unhealthy => Presence::Unhealthy,
            Standing::Draining => Presence::Draining,
        };
        let begins = presence == Presence::Serving && self.presence != Presence::Serving;
        Self {
            address: member.address.clone(),
            labelled_by: self.labelled_by,
            presence,
            since: if begins { now } else { self.since },
            weight: member.weight.max(1),
            zone: member.zone.clone(),
        }
    }
}
