//! Metric names, built in one place so that the filters that write them, the filters that read them, Envoy's
//! `stats_tags` and the tests cannot drift apart.
//!
//! A name is `spillway.pool.<pool>.endpoint.<label>.<noun>` for the gauges of an endpoint,
//! `spillway.pool.<pool>.<noun>` for those of a pool, and `spillway.<filter>.<noun>` for a filter's own.
//! Dots part a name, so dots and colons inside a pool's name or an address are replaced by `_`.

/// What a pool's name or an endpoint's address looks like inside a metric name.
///
/// Letters, digits, `-` and `_` stay; everything else becomes `_`. Two different names can give the same text
/// (`a.b` and `a_b`), so pools of one Envoy must differ in more than punctuation.
#[must_use]
pub fn label(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '-' { c } else { '_' }).collect()
}

/// What is known about an endpoint, each an Envoy gauge that all Envoy workers share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EndpointGauge {
    /// Attempts sent and not completed.
    InFlight,
    /// Moving average of the time to first token, in microseconds; 0 is "not known yet".
    TimeToFirstToken,
    /// Moving share of attempts that failed, in thousandths.
    Failures,
    /// Attempts that succeeded, since ever. A counter.
    Successes,
    /// The circuit of the endpoint as a whole: 0 closed, 1 half-open, 2 open.
    Circuit,
    /// From the endpoint's last load report: requests that ran or waited there and were not this Envoy's.
    ReportedElsewhere,
    /// From the same: requests that can run at the same time; 0 if it did not say.
    ReportedSlots,
    /// From the same: share of its key-value cache that is taken, in thousandths.
    ReportedKvCache,
    /// From the same: share of the time in which its GPUs compute, in thousandths, 1 to 1000; 0 if it did not say, so that
    /// one that idles says 1.
    ReportedGpu,
    /// Unix time in milliseconds of the last load report.
    ReportedAt,
    /// For a label that is a number and not an address: the IPv4 address and port as `address << 16 | port`,
    /// so that the label can still be read; 0 where there is none.
    Address,
}

impl EndpointGauge {
    /// All of them: as many statistics each endpoint that was ever seen has in Envoy.
    pub const ALL: [Self; 11] = [
        Self::InFlight,
        Self::TimeToFirstToken,
        Self::Failures,
        Self::Successes,
        Self::Circuit,
        Self::ReportedElsewhere,
        Self::ReportedSlots,
        Self::ReportedKvCache,
        Self::ReportedGpu,
        Self::ReportedAt,
        Self::Address,
    ];

    /// The last part of the gauge's name.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::InFlight => "in_flight",
            Self::TimeToFirstToken => "ttft_ewma_us",
            Self::Failures => "failure_permille",
            Self::Successes => "successes_total",
            Self::Circuit => "circuit",
            Self::ReportedElsewhere => "reported_elsewhere",
            Self::ReportedSlots => "reported_slots",
            Self::ReportedKvCache => "reported_kv_cache_permille",
            Self::ReportedGpu => "reported_gpu_permille",
            Self::ReportedAt => "reported_ms",
            Self::Address => "address_ipv4_port",
        }
    }

    /// The gauge's whole name; `pool` and `endpoint` are labels already (see [`label`]).
    #[must_use]
    pub fn name(self, pool: &str, endpoint: &str) -> String {
        format!("spillway.pool.{pool}.endpoint.{endpoint}.{}", self.noun())
    }
}

/// What is known about a pool, each an Envoy gauge.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PoolGauge {
    /// Unix time in seconds at which the pool's membership was last read from its source.
    MembershipRefreshed,
    /// Unix time in seconds at which a filter that books every attempt was last seen at work. While it is
    /// recent, filters that see only whole requests leave the books alone.
    AttemptsBooked,
    /// Endpoints that may be chosen.
    Eligible,
    /// Circuits that are not closed.
    Isolated,
    /// How often a circuit of the pool has changed: whoever goes by circuits looks at them when this has moved.
    CircuitChanges,
    /// How overloaded the pool is, 0 to 1000.
    Overload,
    /// The mean GPU utilisation of the endpoints that report one, in thousandths; 0 where none does.
    Gpu,
    /// Requests that were admitted and are not over.
    Admitted,
    /// How many may be.
    Limit,
    /// Requests that wait to be admitted, of all priority levels.
    Waiting,
    /// What is done about overload: 0 nothing, 1 shorter answers, 2 stale ones, 3 a smaller model, from 4 on refusals.
    Step,
    /// Refused requests that were promised a time to come back, and for which none has passed yet.
    Promised,
}

impl PoolGauge {
    /// The last part of the gauge's name.
    #[must_use]
    pub const fn noun(self) -> &'static str {
        match self {
            Self::MembershipRefreshed => "membership_refreshed_seconds",
            Self::AttemptsBooked => "attempts_booked_seconds",
            Self::Eligible => "eligible_endpoints",
            Self::Isolated => "isolated_circuits",
            Self::CircuitChanges => "circuit_changes",
            Self::Overload => "overload_permille",
            Self::Gpu => "gpu_permille",
            Self::Admitted => "admitted",
            Self::Limit => "admitted_limit",
            Self::Waiting => "waiting",
            Self::Step => "ladder_step",
            Self::Promised => "promised_returns",
        }
    }

    /// The gauge's whole name; `pool` is a label already (see [`label`]).
    #[must_use]
    pub fn name(self, pool: &str) -> String {
        format!("spillway.pool.{pool}.{}", self.noun())
    }
}

/// How many requests of one priority level wait for a pool, which is a gauge; both are labels already (see [`label`]).
#[must_use]
pub fn waiting_of_level(pool: &str, level: &str) -> String {
    format!("spillway.pool.{pool}.level.{level}.waiting")
}

/// The name of a filter's own metric, as `spillway.<filter>.<noun>`, with the filter's dashes as underscores.
#[must_use]
pub fn filter_metric(filter: &str, noun: &str) -> String {
    format!("spillway.{}.{noun}", filter.replace('-', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn labels_have_no_dots_and_no_colons() {
        for (name, expected) in [
            ("127.0.0.1:8001", "127_0_0_1_8001"),
            ("[2001:db8::1]:80", "_2001_db8__1__80"),
            ("outbound|80||worker.ns.svc", "outbound_80__worker_ns_svc"),
            ("inference-a_b", "inference-a_b"),
        ] {
            assert_eq!(label(name), expected, "for {name}");
        }
    }

    #[test]
    fn names_are_those_of_the_design() {
        assert_eq!(
            EndpointGauge::InFlight.name("inference", "127_0_0_1_8001"),
            "spillway.pool.inference.endpoint.127_0_0_1_8001.in_flight"
        );
        assert_eq!(PoolGauge::Eligible.name("inference"), "spillway.pool.inference.eligible_endpoints");
        assert_eq!(filter_metric("endpoint-picker", "picks_total"), "spillway.endpoint_picker.picks_total");
    }

    #[test]
    fn no_two_gauges_of_an_endpoint_share_a_name() {
        let nouns: std::collections::BTreeSet<_> = EndpointGauge::ALL.map(EndpointGauge::noun).into();
        assert_eq!(nouns.len(), EndpointGauge::ALL.len());
    }
}
