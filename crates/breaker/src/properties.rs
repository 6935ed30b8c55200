//! What holds whatever happens, in whatever order: many clients, several of them with old news.

use std::time::Duration;

use proptest::prelude::*;
use spillway_primitives::{Backoff, Timestamp, rng_from};
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use crate::{Admission, Change, Circuit, Event, Permit, Policy, State};

/// One thing that happens; times are milliseconds since the one before, backwards too.
#[derive(Clone, Copy, Debug)]
enum Step {
    Fails { began_before: u64 },
    Succeeds { began_before: u64 },
    Asks,
    Resolves { which: usize, succeeded: bool },
    GivesBack { which: usize },
}

fn step() -> impl Strategy<Value = (i64, Step)> {
    let what = prop_oneof![
        1 => (0u64..20_000).prop_map(|began_before| Step::Fails { began_before }),
        1 => (0u64..20_000).prop_map(|began_before| Step::Succeeds { began_before }),
        3 => Just(Step::Asks),
        1 => (0usize..8, any::<bool>()).prop_map(|(which, succeeded)| Step::Resolves { which, succeeded }),
        1 => (0usize..8).prop_map(|which| Step::GivesBack { which }),
    ];
    let time = prop_oneof![20 => 0i64..3_000, 1 => -100_000i64..0];
    (time, what)
}

proptest! {
    /// At most N probes are out, of one generation; nobody else gets through while it is not closed; a time that was
    /// named comes.
    #[test]
    fn at_most_so_many_probes_are_out(
        steps in proptest::collection::vec(step(), 1..300), probes in 1usize..5, successes in 1u32..4, seed: u64,
    ) {
        let policy = Policy {
            probes,
            successes,
            open: Backoff::new(Duration::from_secs(3), Duration::from_secs(20), 100),
            probe_lasts: Duration::from_secs(15),
            ..Policy::default()
        };
        let mut rng = rng_from(&[seed]);
        let mut circuit = Circuit::default();
        let mut out: Vec<Permit> = Vec::new();
        let mut now = Timestamp::from_millis(1_700_000_000_000);
        let mut counted = 0;
        for (passed, step) in steps {
            now = Timestamp::from_millis(now.as_millis().saturating_add_signed(passed));
            let before = |millis: u64| Timestamp::from_millis(now.as_millis() - millis);
            match step {
                Step::Fails { began_before } => {
                    let event = Event { began: before(began_before), now, successes: counted };
                    let closed = circuit.state() == State::Closed;
                    if let Some(reason) = circuit.failed(event, &policy) {
                        prop_assert!(closed, "only a closed one trips");
                        circuit.trip(reason, None, now, &policy, &mut rng);
                        prop_assert_eq!(circuit.state(), State::Open);
                    }
                }
                Step::Succeeds { began_before } => {
                    counted += 1;
                    let state = circuit.state();
                    circuit.succeeded(before(began_before), now);
                    prop_assert_eq!(circuit.state(), state, "a success that is no probe changes no state");
                }
                Step::Asks => match circuit.admit(now, &policy, &mut rng).0 {
                    Admission::Free => prop_assert_eq!(circuit.state(), State::Closed),
                    Admission::Probe(permit) => {
                        prop_assert_eq!(circuit.state(), State::HalfOpen);
                        out.push(permit);
                    }
                    Admission::Refused { retry_at } => {
                        let latest = Duration::from_secs(22).max(policy.probe_lasts);
                        prop_assert!(retry_at <= now.plus(latest), "{:?} at {now:?}", circuit);
                    }
                },
                Step::Resolves { which, succeeded } if which < out.len() => {
                    let permit = out[which];
                    let counts = circuit.is_out(permit);
                    let change = circuit.resolve(permit, succeeded, now, &policy, &mut rng);
                    prop_assert!(counts || change.is_none(), "an old permit counts for nothing");
                    let trips = matches!(change, Some(Change::Tripped { .. }));
                    prop_assert!(!(succeeded && trips));
                }
                Step::GivesBack { which } if which < out.len() => {
                    circuit.give_back(out[which]);
                }
                Step::Resolves { .. } | Step::GivesBack { .. } => {}
            }
            out.retain(|permit| circuit.is_out(*permit));
            prop_assert!(out.len() <= probes, "{} probes are out", out.len());
            prop_assert!(out.windows(2).all(|pair| pair[0].generation == pair[1].generation));
        }
    }
}
