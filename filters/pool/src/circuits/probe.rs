//! A probe's permit, and how it travels from the filter that chose the endpoint to the one that keeps the circuit.

use std::fmt::Write as _;

use spillway_breaker::Permit;

use crate::PoolId;

/// Leave to send one request to an endpoint whose circuit is half-open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Probe {
    pub(crate) pool: PoolId,
    pub(crate) place: u32,
    pub(crate) model: u32,
    pub(crate) permit: Permit,
}

impl Probe {
    /// The place of the endpoint that is to be probed.
    #[must_use]
    pub const fn place(self) -> u32 {
        self.place
    }

    /// As text, for [`spillway_host::paths::PROBE`].
    #[must_use]
    pub fn to_text(self) -> String {
        let Self { place, model, permit: Permit { generation, number }, .. } = self;
        let mut text = String::with_capacity(44);
        // Writing into a string cannot fail.
        write!(text, "{place}.{model}.{generation}.{number}").ok();
        text
    }

    /// The probe that a text speaks of, if it is one for that place.
    pub(crate) fn from_text(text: &[u8], pool: PoolId, place: u32) -> Option<Self> {
        let mut parts = std::str::from_utf8(text).ok()?.split('.').map(str::parse::<u32>);
        let mut next = || parts.next()?.ok();
        let (of, model) = (next()?, next()?);
        let permit = Permit { generation: next()?, number: next()? };
        (of == place && next().is_none()).then_some(Self { pool, place, model, permit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_travels_as_text() {
        let permit = Permit { generation: 3, number: u32::MAX };
        let probe = Probe { pool: PoolId(1), place: 7, model: 0, permit };
        let text = probe.to_text();
        assert_eq!(Probe::from_text(text.as_bytes(), PoolId(1), 7), Some(probe));
        assert_eq!(Probe::from_text(text.as_bytes(), PoolId(1), 8), None, "for another endpoint");
        for nonsense in ["", "7", "7.0.3", "7.0.3.4.5", "7.0.3.x", "7.0.3.99999999999", "\u{e9}"] {
            assert_eq!(Probe::from_text(nonsense.as_bytes(), PoolId(1), 7), None, "{nonsense:?}");
        }
    }
}
