use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((1_700_000_000 + seconds) * 1_000)
}

const QUOTA: Quota = Quota { requests_per_minute: Some(6), tokens_per_minute: Some(600) };

#[track_caller]
fn is_within(accounts: &mut Accounts, tenant: u64, tokens: u64, second: u64) -> Standing {
    match accounts.charge(tenant, tokens, at(second), &QUOTA, None) {
        Charged::Within(standing) => standing,
        over @ Charged::Over { .. } => panic!("{over:?}"),
    }
}

#[track_caller]
fn is_over(accounts: &mut Accounts, tokens: u64, second: u64, expected: Reason, seconds: u64) {
    match accounts.charge(1, tokens, at(second), &QUOTA, None) {
        Charged::Over { reason, retry_after, .. } => {
            assert_eq!((reason, retry_after), (expected, Duration::from_secs(seconds)));
        }
        within @ Charged::Within(_) => panic!("{within:?}"),
    }
}

#[test]
fn requests_and_tokens_a_minute() {
    let mut accounts = Accounts::default();
    for _ in 0..5 {
        is_within(&mut accounts, 1, 100, 0);
    }
    is_over(&mut accounts, 200, 0, Reason::OverTokenBudget, 10);
    is_within(&mut accounts, 1, 100, 0);
    is_over(&mut accounts, 1, 1, Reason::OverRequestBudget, 9);
    let standing = is_within(&mut accounts, 1, 100, 20);
    assert_eq!(standing.tokens, Some(Left { quota: 600, remaining: 100, reset: Duration::from_secs(50) }));
    assert_eq!(standing.requests.unwrap().remaining, 1);
    assert_eq!(accounts.standing(1, at(100), &QUOTA).tokens.unwrap().remaining, 600);
}

#[test]
fn what_was_estimated_is_corrected_and_a_debt_has_a_bound() {
    let mut accounts = Accounts::default();
    is_within(&mut accounts, 1, 500, 0);
    accounts.correct(1, -400, at(0), &QUOTA, None);
    assert_eq!(accounts.standing(1, at(0), &QUOTA).tokens.unwrap().remaining, 500);
    accounts.correct(1, 700, at(0), &QUOTA, None);
    assert_eq!(accounts.standing(1, at(0), &QUOTA).tokens.unwrap().remaining, -200);
    accounts.correct(1, i64::MAX, at(0), &QUOTA, None);
    assert_eq!(accounts.standing(1, at(0), &QUOTA).tokens.unwrap().remaining, -600);
    accounts.correct(1, i64::MIN, at(0), &QUOTA, None);
    assert_eq!(accounts.standing(1, at(0), &QUOTA).tokens.unwrap().remaining, 600);
}

#[test]
fn more_than_the_whole_budget_goes_when_it_is_full() {
    let mut accounts = Accounts::default();
    assert_eq!(is_within(&mut accounts, 1, 900, 0).tokens.unwrap().remaining, -300);
    is_over(&mut accounts, 900, 10, Reason::OverTokenBudget, 80);
    is_within(&mut accounts, 1, 900, 90);
}

#[test]
fn without_a_quota_nothing_is_counted() {
    let mut accounts = Accounts::default();
    let charged = accounts.charge(1, 1_000_000, at(0), &Quota::default(), None);
    assert_eq!(charged, Charged::Within(Standing::default()));
}

#[test]
fn tenants_beyond_the_ways_share_the_rest_until_others_are_idle() {
    let mut accounts = Accounts::default();
    for tenant in 0..16 {
        is_within(&mut accounts, tenant, 500, 0);
    }
    assert_eq!(is_within(&mut accounts, 100, 400, 0).tokens.unwrap().remaining, 200);
    assert_eq!(
        is_within(&mut accounts, 101, 100, 0).tokens.unwrap().remaining,
        100,
        "it is the same account"
    );
    assert_eq!(accounts.standing(102, at(0), &QUOTA).tokens.unwrap().remaining, 100);
    assert_eq!(is_within(&mut accounts, 102, 100, 100).tokens.unwrap().remaining, 500, "the others are idle");
    assert_eq!(accounts.accounts.len(), 1);
}

#[test]
fn a_clock_that_steps_back_owes_nothing_more() {
    let mut accounts = Accounts::default();
    is_within(&mut accounts, 1, 600, 10_000);
    assert_eq!(accounts.standing(1, at(0), &QUOTA).tokens.unwrap().reset, Duration::from_secs(120));
}

#[test]
fn headers() {
    let mut accounts = Accounts::default();
    let standing = is_within(&mut accounts, 1, 250, 0);
    assert_eq!(policy_header(&QUOTA), r#""requests";q=6;w=60, "tokens";q=600;w=60"#);
    assert_eq!(limit_header(&standing), r#""requests";r=5;t=10, "tokens";r=350;t=25"#);
    let only = Quota { tokens_per_minute: Some(600), ..Quota::default() };
    assert_eq!(policy_header(&only), r#""tokens";q=600;w=60"#);
    assert_eq!((policy_header(&Quota::default()), limit_header(&Standing::default())), Default::default());
}

#[test]
fn records() {
    let mut accounts = Accounts::default();
    for tenant in 0..20 {
        is_within(&mut accounts, tenant, 10, 0);
    }
    let bytes = accounts.encode().unwrap();
    assert!(bytes.len() < 17 * 40, "{} bytes", bytes.len());
    assert_eq!(Accounts::decode(&bytes), Ok(accounts));
    assert_eq!(Accounts::decode(&[]), Ok(Accounts::default()));
    assert_eq!(Accounts::decode(b"\x07"), Err(RecordError::Version { found: 7, expected: 2 }));
    assert!(set_of(u64::MAX) < SETS);
}

proptest! {
    /// Over any minute nobody gets more than twice the budget: what was saved up and what came meanwhile.
    #[test]
    fn no_more_than_the_budget(requests in proptest::collection::vec((0u64..20, 1u64..300), 1..200)) {
        let mut accounts = Accounts::default();
        let mut second = 0;
        let mut granted: Vec<(u64, u64)> = Vec::new();
        for (passed, tokens) in requests {
            second += passed;
            let standing = match accounts.charge(1, tokens, at(second), &QUOTA, None) {
                Charged::Within(standing) => {
                    granted.push((second, tokens));
                    standing
                }
                Charged::Over { retry_after, standing, .. } => {
                    prop_assert!(retry_after <= Duration::from_secs(60));
                    standing
                }
            };
            prop_assert!(standing.tokens.unwrap().remaining >= 0, "nothing was used beyond what was estimated");
            let used: u64 = granted.iter().filter(|(at, _)| second - at < 60).map(|(_, tokens)| tokens).sum();
            prop_assert!(used <= 1_200, "{used} tokens within a minute");
        }
    }
}
