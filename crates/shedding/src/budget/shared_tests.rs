//! Budgets that several processes share.

use std::collections::BTreeMap;

use proptest::prelude::*;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

use super::*;

/// A token is ten milliseconds, a request six seconds.
const QUOTA: Quota = Quota { requests_per_minute: Some(10), tokens_per_minute: Some(6_000) };
const TENANT: u64 = 7;
const SHARING: Sharing = Sharing {
    allowance_permille: 200,
    in_touch: true,
    interval: Duration::from_secs(1),
    patience: Duration::from_secs(4),
};

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// What adds up what all have told, as the cache tier does.
#[derive(Default)]
struct Sum {
    requests: Bucket,
    tokens: Bucket,
    rounds: BTreeMap<u64, u64>,
}

impl Sum {
    fn add(&mut self, process: u64, telling: &Telling, now: Timestamp) -> Used {
        let last = self.rounds.entry(process).or_default();
        if telling.round > *last {
            *last = telling.round;
            self.requests.owe(telling.used.requests, now);
            self.tokens.owe(telling.used.tokens, now);
        }
        let nanos = |bucket: Bucket| i64::try_from(bucket.owed(now).as_nanos()).unwrap();
        Used { requests: nanos(self.requests), tokens: nanos(self.tokens) }
    }
}

/// One process.
struct Process {
    number: u64,
    accounts: Accounts,
    rounds: Rounds,
    quota: Quota,
}

/// What becomes of what is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Answered,
    AnswerLost,
    Lost,
}

impl Process {
    fn new(number: u64) -> Self {
        Self { number, accounts: Accounts::default(), rounds: Rounds::default(), quota: QUOTA }
    }

    fn sharing(&self, now: Timestamp) -> Sharing {
        Sharing { in_touch: self.rounds.is_in_touch(now, SHARING.patience), ..SHARING }
    }

    fn charge(&mut self, tokens: u64, now: Timestamp) -> Charged {
        let sharing = self.sharing(now);
        self.accounts.charge(TENANT, tokens, now, &self.quota, Some(&sharing))
    }

    fn round(&mut self, sum: &mut Sum, now: Timestamp, fate: Fate) -> Vec<Telling> {
        let turn = self.rounds.begin(now, SHARING.interval, self.number).expect("it is time");
        let sharing = self.sharing(now);
        let told = self.accounts.tell(turn.round, now, &sharing);
        for telling in &told {
            if fate == Fate::Lost {
                continue;
            }
            let owed = sum.add(turn.process, telling, now);
            if fate == Fate::Answered {
                self.accounts.hear(telling.tenant, telling.round, owed, now);
            }
        }
        let answered = (!told.is_empty()).then_some(fate == Fate::Answered);
        self.rounds.end(answered, now);
        told
    }

    fn left(&self, now: Timestamp) -> i64 {
        self.accounts.standing(TENANT, now, &self.quota).tokens.unwrap().remaining
    }
}

fn is_within(charged: Charged) -> bool {
    matches!(charged, Charged::Within(_))
}

#[track_caller]
fn is_over(charged: Charged, expected: Reason, wait: Duration) {
    match charged {
        Charged::Over { reason, retry_after, .. } => assert_eq!((reason, retry_after), (expected, wait)),
        within @ Charged::Within(_) => panic!("{within:?}"),
    }
}

#[test]
fn what_one_uses_the_other_hears_of() {
    let (mut one, mut two, mut sum) = (Process::new(1), Process::new(2), Sum::default());
    assert!(is_within(one.charge(1_200, at(0))));
    one.round(&mut sum, at(0), Fate::Answered);
    assert!(is_within(two.charge(600, at(0))));
    assert_eq!((one.left(at(0)), two.left(at(0))), (4_800, 5_400));
    two.round(&mut sum, at(0), Fate::Answered);
    assert_eq!(two.left(at(0)), 4_200);
    // What was estimated too high is given back to all.
    two.accounts.correct(TENANT, -500, at(0), &QUOTA, Some(&SHARING));
    two.round(&mut sum, at(1_000), Fate::Answered);
    assert_eq!(two.left(at(1_000)), 4_800, "with what came in a second");
    one.accounts.correct(TENANT, 100, at(1_000), &QUOTA, Some(&SHARING));
    one.round(&mut sum, at(1_000), Fate::Answered);
    assert_eq!(one.left(at(1_000)), 4_700);
}

#[test]
fn no_more_than_the_allowance_beyond_what_is_known() {
    let (mut one, mut sum) = (Process::new(1), Sum::default());
    assert!(is_within(one.charge(700, at(0))));
    assert!(is_within(one.charge(500, at(0))));
    is_over(one.charge(0, at(0)), Reason::OverRequestBudget, SHARING.interval);
    one.quota.requests_per_minute = None;
    is_over(one.charge(1, at(0)), Reason::OverTokenBudget, SHARING.interval);
    one.round(&mut sum, at(0), Fate::Answered);
    assert!(is_within(one.charge(3_000, at(0))), "what alone is more than the allowance goes alone");
    is_over(one.charge(1, at(0)), Reason::OverTokenBudget, SHARING.interval);
    assert_eq!(one.left(at(0)), 1_800);
}

#[test]
fn an_answer_that_is_lost_is_no_second_charge() {
    let (mut one, mut sum) = (Process::new(1), Sum::default());
    one.charge(600, at(0));
    let first = one.round(&mut sum, at(0), Fate::AnswerLost);
    one.charge(300, at(500));
    let again = one.round(&mut sum, at(1_000), Fate::Answered);
    assert_eq!(first, again, "told again, under the same number");
    assert_eq!(one.left(at(1_000)), 6_000 - 900 + 100);
    let rest = one.round(&mut sum, at(2_000), Fate::Answered);
    assert_eq!(rest[0].used.tokens, 3_000_000_000);
    assert!(rest[0].round > first[0].round);
    assert_eq!(one.left(at(2_000)), 6_000 - 900 + 200);
    assert!(one.round(&mut sum, at(3_000), Fate::Answered).is_empty(), "nothing has changed");
    // An answer that comes late changes nothing.
    one.accounts.hear(TENANT, first[0].round, Used { requests: 0, tokens: 60_000_000_000 }, at(3_000));
    assert_eq!(one.left(at(3_000)), 6_000 - 900 + 300);
}

#[test]
fn while_nobody_answers_each_is_on_its_own_and_tells_it_later() {
    let (mut one, mut two, mut sum) = (Process::new(1), Process::new(2), Sum::default());
    one.quota.requests_per_minute = None;
    one.charge(1_000, at(0));
    is_over(one.charge(1_000, at(0)), Reason::OverTokenBudget, SHARING.interval);
    one.round(&mut sum, at(0), Fate::Lost);
    assert!(!one.rounds.is_in_touch(at(0), SHARING.patience));
    for _ in 0..5 {
        assert!(is_within(one.charge(1_000, at(0))), "nobody is refused for that");
    }
    is_over(one.charge(1_000, at(0)), Reason::OverTokenBudget, Duration::from_secs(10));
    one.round(&mut sum, at(1_000), Fate::Lost);
    one.round(&mut sum, at(2_000), Fate::Answered);
    one.round(&mut sum, at(3_000), Fate::Answered);
    two.charge(1, at(3_000));
    two.round(&mut sum, at(3_000), Fate::Answered);
    assert_eq!(two.left(at(3_000)), 99, "what was used meanwhile is known, {:?}", sum.tokens);
}

#[test]
fn what_is_paid_is_not_told() {
    let (mut one, mut sum) = (Process::new(1), Sum::default());
    one.charge(1_000, at(0));
    one.round(&mut sum, at(0), Fate::Lost);
    // It uses about as much as comes, for a quarter of an hour.
    for second in 1..900 {
        one.charge(100, at(second * 1_000));
        one.round(&mut sum, at(second * 1_000), Fate::Lost);
    }
    for second in 900..903 {
        one.round(&mut sum, at(second * 1_000), Fate::Answered);
    }
    let owed = sum.tokens.owed(at(902_000));
    assert!(owed <= Duration::from_secs(12), "{owed:?}");
    assert!(one.rounds.is_in_touch(at(902_000), SHARING.patience));
}

#[test]
fn accounts_stay_until_they_are_told_but_not_for_ever() {
    let mut accounts = Accounts::default();
    let charge = |accounts: &mut Accounts, tenant, millis| {
        accounts.charge(tenant, 1, at(millis), &QUOTA, Some(&SHARING));
        accounts.accounts.iter().any(|account| account.tenant == tenant)
    };
    for tenant in 0..16 {
        assert!(charge(&mut accounts, tenant, 0));
    }
    assert!(!charge(&mut accounts, 100, 3_900), "no room: what they used is not told yet");
    assert!(accounts.tell(1, at(3_900), &SHARING).iter().all(|telling| telling.tenant < 16), "not the rest");
    assert!(charge(&mut accounts, 100, 7_000), "paid, and nobody answered");
    let bytes = accounts.encode().unwrap();
    assert_eq!(Accounts::decode(&bytes), Ok(accounts));
}

#[test]
fn a_round_is_one_vms() {
    let mut rounds = Rounds::default();
    assert!(rounds.is_in_touch(at(0), SHARING.patience), "nobody has tried");
    let turn = rounds.begin(at(0), SHARING.interval, 5).unwrap();
    assert_eq!((turn.process, turn.round), (5, 1_700_000_000_000_000));
    assert_eq!(rounds.begin(at(999), SHARING.interval, 6), None);
    let next = rounds.begin(at(0).plus(Duration::from_secs(1)), SHARING.interval, 6).unwrap();
    assert_eq!((next.process, next.round), (5, 1_700_000_001_000_000));
    let back = rounds.begin(at(500), SHARING.interval, 6).unwrap();
    assert_eq!(back.round, 1_700_000_001_000_001, "a clock that steps back");
    rounds.go_on_with(SETS + 3);
    assert_eq!(rounds.begin(at(5_000), SHARING.interval, 6).unwrap().first_set, 3);
    assert_eq!(Rounds::decode(&rounds.encode().unwrap()), Ok(rounds));
}

#[test]
fn that_nobody_answers_is_said_once() {
    let mut rounds = Rounds::default();
    rounds.begin(at(0), SHARING.interval, 1);
    assert!(!rounds.end(Some(true), at(0)) && !rounds.end(None, at(0)));
    assert!(rounds.end(Some(false), at(1_000)) && !rounds.end(Some(false), at(2_000)));
    assert!(!rounds.end(None, at(3_000)) && !rounds.is_in_touch(at(3_000), SHARING.patience));
    assert!(rounds.end(Some(true), at(4_000)) && rounds.is_in_touch(at(4_000), SHARING.patience));
    assert!(!rounds.end(Some(false), at(5_000)) && !rounds.end(Some(true), at(6_000)), "not every second");
    assert!(rounds.end(Some(false), at(62_000)) && rounds.end(Some(true), at(63_000)));
    assert!(!rounds.is_in_touch(at(68_000), SHARING.patience), "nobody makes rounds");
}

fn fate() -> impl Strategy<Value = Fate> {
    prop_oneof![4 => Just(Fate::Answered), 1 => Just(Fate::AnswerLost), 1 => Just(Fate::Lost)]
}

proptest! {
    /// While somebody answers, N processes use no more than the budget and N allowances, or N times the largest request.
    #[test]
    fn together_no_more_than_the_budget_and_an_allowance_each(
        steps in proptest::collection::vec((0usize..3, 1u64..1_500, any::<bool>()), 1..300),
    ) {
        let mut processes = [1, 2, 3].map(Process::new);
        processes.iter_mut().for_each(|process| process.quota.requests_per_minute = None);
        let mut sum = Sum::default();
        let (mut now, mut admitted) = (0, 0);
        for (which, tokens, next_round) in steps {
            if next_round {
                // Each at a moment of its own.
                now += 400;
                let process = &mut processes[which];
                if process.rounds.clone().begin(at(now), SHARING.interval, 1).is_some() {
                    process.round(&mut sum, at(now), Fate::Answered);
                }
            }
            // All of them are heard of in time.
            for process in &mut processes {
                if process.rounds.clone().begin(at(now), 2 * SHARING.interval, 1).is_some() {
                    process.round(&mut sum, at(now), Fate::Answered);
                }
            }
            if is_within(processes[which].charge(tokens, at(now))) {
                admitted += tokens;
            }
            let came = now / 10;
            prop_assert!(admitted <= 6_000 + came + 3 * 1_500, "{admitted} after {now} ms");
        }
    }

    /// Whatever is lost on the way, nothing is counted twice, and in the end all is known but what was paid meanwhile.
    #[test]
    fn nothing_is_counted_twice(steps in proptest::collection::vec((1u64..200, fate()), 1..60)) {
        let (mut one, mut sum) = (Process::new(1), Sum::default());
        one.quota.requests_per_minute = None;
        let (mut now, mut used) = (0, 0);
        for (tokens, fate) in steps {
            if is_within(one.charge(tokens, at(now))) {
                used += tokens;
            }
            one.round(&mut sum, at(now), fate);
            now += 1_000;
        }
        for _ in 0..2 {
            one.round(&mut sum, at(now), Fate::Answered);
            now += 1_000;
        }
        let owed = sum.tokens.owed(at(now));
        prop_assert!(owed <= Duration::from_millis(used * 10), "{owed:?} for {used}");
        let own = u64::try_from(6_000 - one.left(at(now))).unwrap();
        let told = u64::try_from(owed.as_millis()).unwrap() / 10;
        prop_assert!(own.abs_diff(told) <= 1, "{own} and {told}");
    }
}
