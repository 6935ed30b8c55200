use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;
use crate::level::Level;
use crate::limit::{End, Observer, Permit};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

const STREAM: u64 = 100;
const PERMIT: Permit = Permit { in_flight: 1, reserved: false };

/// So many requests, one after the other, each in flight for 50 ms.
fn seen(count: u64, from: u64) -> Window {
    let class = Class::of(true, STREAM);
    let mut observer = Observer::default();
    for number in 0..count {
        let begins = from + number * 50;
        observer.arrived(Level::TOP);
        let sent = observer.sent(at(begins), class, Duration::ZERO, PERMIT);
        observer.started(at(begins + 20), &sent, Duration::from_millis(20));
        observer.ended(at(begins + 50), &sent, true, End::Answered);
    }
    observer.take(at(from + count * 50))
}

#[test]
fn a_window_is_over_after_its_time_and_with_enough_samples() {
    let settings = Settings::default();
    let around = Circumstances { endpoints: Some(3), ..Circumstances::default() };
    let mut control = Control::default();
    let first = control.update(at(0), &around, &settings).unwrap();
    assert_eq!(first.limit, (4, 12), "three endpoints with four each");
    control.absorb(&seen(4, 0));
    assert_eq!(control.update(at(400), &around, &settings), None);
    assert_eq!(control.update(at(600), &around, &settings), None, "four samples are not enough");
    control.absorb(&seen(2, 500));
    let update = control.update(at(600), &around, &settings).unwrap();
    assert_eq!((update.limit, update.step), ((12, 12), (Step::Normal, Step::Normal)));
    assert_eq!(control.rates().drain(), Some(10.0));
    assert!(control.update(at(2_600), &around, &settings).is_some(), "none have come for long enough");
}

#[test]
fn a_pause_and_a_clock_that_steps_begin_anew() {
    let settings = Settings::default();
    let around = Circumstances::default();
    let mut control = Control::default();
    for millis in [10_000, 600_000, 5_000] {
        control.absorb(&seen(10, 0));
        assert_eq!(control.update(at(millis), &around, &settings), None);
    }
    assert_eq!(control.rates(), &Rates::default());
}

#[test]
fn endpoints_that_become_known_late_count_as_from_the_start() {
    let settings = Settings::default();
    let mut control = Control::default();
    for millis in [0, 3_000] {
        control.update(at(millis), &Circumstances::default(), &settings);
    }
    assert_eq!(control.limit(&settings), 4, "that of one, until more are known");
    let known = Circumstances { endpoints: Some(3), ..Circumstances::default() };
    assert_eq!(control.update(at(3_001), &known, &settings).unwrap().limit, (4, 12));
}

#[test]
fn endpoints_that_go_change_the_limit_at_once() {
    let settings = Settings::default();
    let around = |endpoints| Circumstances { endpoints: Some(endpoints), ..Circumstances::default() };
    let mut control = Control::default();
    control.update(at(0), &around(4), &settings);
    let update = control.update(at(1), &around(2), &settings).unwrap();
    assert_eq!(update.limit, (16, 8));
    assert_eq!(control.update(at(2), &around(2), &settings), None);
}

#[test]
fn a_full_queue_leads_up_the_ladder_and_an_empty_one_down() {
    let settings = Settings::default();
    let full = Circumstances { waiting: [256, 128, 64, 0, 0, 0, 0, 0], ..Circumstances::default() };
    let mut control = Control::default();
    let mut steps = Vec::new();
    for (number, around) in [&full; 12].into_iter().chain([&Circumstances::default(); 12]).enumerate() {
        control.absorb(&seen(6, number as u64 * 500));
        if let Some(update) = control.update(at(number as u64 * 500), around, &settings)
            && update.step.0 != update.step.1
        {
            steps.push((update.step.1, update.signal));
        }
    }
    assert_eq!(steps.last(), Some(&(Step::Normal, None)), "{steps:?}");
    assert!(steps.contains(&(Step::Refuse(2), Some(Signal::Queue))), "{steps:?}");
}

#[test]
fn records() {
    let mut control = Control::default();
    control.absorb(&seen(6, 0));
    let bytes = control.encode().unwrap();
    assert!(bytes.len() < 640, "{} bytes", bytes.len());
    assert_eq!(Control::decode(&bytes), Ok(control));
    assert_eq!(Control::decode(&[]), Ok(Control::default()));
    assert_eq!(Control::decode(b"\x09"), Err(RecordError::Version { found: 9, expected: 4 }));
    assert_eq!(Control::decode(&bytes[..9]), Err(RecordError::Damaged));
}

proptest! {
    /// Whatever is seen and reported: the limit stays within its bounds, the overload too, and the record is small.
    #[test]
    fn it_stays_within_its_bounds(
        windows in proptest::collection::vec(
            (-2_000i64..2_000, 0u64..40, 0u64..5_000, any::<bool>(), 0u32..6, 0u32..100), 1..80),
    ) {
        let settings = Settings {
            limit: limit::Settings { min: 2, max: 50, epoch: Duration::from_secs(8), ..limit::Settings::default() },
            ..Settings::default()
        };
        let mut control = Control::default();
        let mut now = at(0);
        for (passed, count, ttft, contended, endpoints, slots) in windows {
            now = Timestamp::from_millis(now.as_millis().saturating_add_signed(passed));
            let mut observer = Observer::default();
            let class = Class::of(count % 3 > 0, ttft);
            for _ in 0..count {
                let permit = Permit { in_flight: 3, reserved: ttft % 4 == 0 };
                let sent = observer.sent(now, class, Duration::ZERO, permit);
                observer.started(now, &sent, Duration::from_millis(ttft));
            }
            if contended {
                observer.waits();
            }
            control.absorb(&observer.take(now.plus(Duration::from_millis(300))));
            let around = Circumstances {
                in_flight: slots,
                endpoints: Some(endpoints),
                reported: Some(Reported { slots, running: slots / 2, waiting: slots % 3 }),
                ..Circumstances::default()
            };
            control.update(now, &around, &settings);
            prop_assert!((2..=50).contains(&control.limit(&settings)));
            prop_assert!(control.overload().value() <= overload::MAX);
            let bytes = control.encode().unwrap();
            prop_assert!(bytes.len() < 1_024, "{} bytes", bytes.len());
            prop_assert_eq!(Control::decode(&bytes).unwrap(), control.clone());
        }
    }
}
