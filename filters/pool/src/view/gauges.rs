//! The metrics of one place.

use spillway_contract::metrics::EndpointGauge;
use spillway_host::{Counter, Gauge, Host};
use spillway_routing::table::{LabelledBy, Table};

use super::View;
use crate::circuits::record;

/// The metrics of one place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PlaceGauges {
    pub(crate) in_flight: Gauge,
    pub(crate) ttft: Gauge,
    pub(crate) failures: Gauge,
    pub(crate) successes: Counter,
    pub(crate) circuit: Gauge,
    pub(crate) reported: Reported,
}

/// What the endpoint said about itself last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Reported {
    pub(crate) elsewhere: Gauge,
    pub(crate) slots: Gauge,
    pub(crate) kv_cache: Gauge,
    pub(crate) gpu: Gauge,
    pub(crate) at: Gauge,
}

impl PlaceGauges {
    /// Defines them; `None` where the host refuses.
    pub(super) fn define(host: &dyn Host, pool: &str, table: &Table, number: usize) -> Option<Self> {
        let label = table.label(number)?;
        let gauge = |which: EndpointGauge| Gauge::define(host, &which.name(pool, &label)).ok();
        Some(Self {
            in_flight: gauge(EndpointGauge::InFlight)?,
            ttft: gauge(EndpointGauge::TimeToFirstToken)?,
            failures: gauge(EndpointGauge::Failures)?,
            successes: Counter::define(host, &EndpointGauge::Successes.name(pool, &label)).ok()?,
            circuit: gauge(EndpointGauge::Circuit)?,
            reported: Reported {
                elsewhere: gauge(EndpointGauge::ReportedElsewhere)?,
                slots: gauge(EndpointGauge::ReportedSlots)?,
                kv_cache: gauge(EndpointGauge::ReportedKvCache)?,
                gpu: gauge(EndpointGauge::ReportedGpu)?,
                at: gauge(EndpointGauge::ReportedAt)?,
            },
        })
    }
}

impl View {
    /// Starts the metrics of a place anew, because another endpoint has it now.
    pub(crate) fn start_anew(&self, host: &dyn Host, number: usize) {
        let Some(gauges) = self.gauges.get(number) else { return };
        for gauge in [gauges.ttft, gauges.failures, gauges.circuit, gauges.reported.at] {
            gauge.set(host, 0);
        }
        if let Ok(place) = u32::try_from(number) {
            record::forget(host, self.id.0, place);
        }
        let Some(owner) = self.table.places.get(number) else { return };
        if owner.labelled_by == LabelledBy::Number
            && let Some(label) = self.table.label(number)
            && let Ok(gauge) = Gauge::define(host, &EndpointGauge::Address.name(&self.label, &label))
        {
            gauge.set(host, ipv4_and_port(&owner.address));
        }
    }
}

fn ipv4_and_port(address: &str) -> u64 {
    match address.parse() {
        Ok(std::net::SocketAddr::V4(v4)) => (u64::from(u32::from(*v4.ip())) << 16) | u64::from(v4.port()),
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_fits_into_a_gauge() {
        assert_eq!(ipv4_and_port("127.0.0.1:8001"), (0x7f00_0001 << 16) | 8001);
        assert_eq!(ipv4_and_port("[::1]:8001"), 0);
    }
}
