use std::rc::Rc;

use spillway_contract::cache::protocol::budgets::{TenantOwed, Told};
use spillway_host::{HeaderBlock, fake::Fake, load};
use spillway_shedding::budget::Charged;

use super::*;
use crate::budgets::{Budgets, Charge};
use crate::classes::{Classes, Who};
use crate::config::Config;

const CONFIGURATION: &str = r#"{
    "budget": {"requests_per_minute": 60, "tokens_per_minute": 600}, "shared_budgets": {"cluster": "tier"}
}"#;

fn at(millis: u64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// A VM, as far as budgets go.
struct Vm {
    host: Rc<Fake>,
    budgets: Budgets,
    counters: Counters,
    classes: Classes,
}

impl Vm {
    fn new(host: &Rc<Fake>, number: u64) -> Self {
        host.set_configuration(CONFIGURATION);
        let config: Config = load(&**host, CONFIGURATION.len()).unwrap();
        let levels = config.check().unwrap();
        let exchange = Exchange::new(&**host, &config.shared_budgets, number).unwrap();
        Self {
            host: Rc::clone(host),
            budgets: Budgets::new(&**host, false, Some(exchange)).unwrap(),
            counters: Counters::define(&**host, &levels).unwrap(),
            classes: Classes::new(&config, levels),
        }
    }

    fn who(&self, key: &str) -> Who {
        self.classes.of(&HeaderBlock::of(&[("authorization", key)]), None)
    }

    fn charge(&self, key: &str, tokens: u64) -> bool {
        let charged = self.budgets.charge(&*self.host, &self.who(key), tokens, self.host.now());
        matches!(charged, Some(Charged::Within(_)))
    }

    fn tick(&self, millis: u64) {
        self.host.set_now(at(millis));
        self.budgets.tick(&*self.host, &self.counters, at(millis));
    }

    /// The tier answers what it was told last.
    fn answer(&self, status: Option<u16>, body: &[u8]) {
        self.host.answer_call(status, body);
        let token = self.host.last_call().unwrap().token;
        self.budgets.answered(&*self.host, &self.counters, token, body.len());
    }

    fn told(&self) -> Tell {
        Tell::parse(&self.host.last_call().unwrap().body).unwrap()
    }

    fn owed(&self, tokens_us: i64) -> Vec<u8> {
        let owed = |used: &TenantUsed| TenantOwed {
            tenant: used.tenant,
            sequence: used.sequence,
            requests_us: 0,
            tokens_us,
        };
        serde_json::to_vec(&Told { tenants: self.told().tenants.iter().map(owed).collect() }).unwrap()
    }

    fn metric(&self, noun: &str) -> u64 {
        self.host.metric_named(&format!("spillway.load_shedder.{noun}_total")).unwrap()
    }
}

fn host() -> Rc<Fake> {
    let host = Fake::new();
    host.set_now(at(0));
    host.add_cluster("tier");
    host
}

#[test]
fn one_vm_tells_what_all_have_used_and_all_hear_the_answer() {
    let host = host();
    let (one, two) = (Vm::new(&host, 1), Vm::new(&host, 2));
    one.tick(0);
    assert_eq!(host.calls(), 0, "there is nothing to tell");
    assert!(one.charge("secret", 100) && two.charge("secret", 10));
    let charge = Charge { who: two.who("secret"), prompt_tokens: 1, tokens: 10, told: None };
    two.budgets.correct(&*host, &charge, 5, at(0));
    one.tick(900);
    assert_eq!(host.calls(), 0, "it is not time to");
    two.tick(1_000);
    one.tick(1_000);
    assert_eq!(host.calls(), 1, "one of them tells");
    let call = host.last_call().unwrap();
    assert_eq!((call.path.as_str(), call.header(":method")), ("/v1/budgets", "POST"));
    assert_eq!(call.header(":authority"), "spillway-cache-tier");
    let told = two.told();
    assert_eq!(told.tenants.len(), 1);
    assert_eq!((told.tenants[0].requests_us, told.tenants[0].tokens_us), (2_000_000, 10_500_000));
    let tenant = one.who("secret").tenant.to_le_bytes();
    assert!(!told.tenants[0].tenant.0.windows(8).any(|part| part == tenant), "not even the hash");
    // All have used nearly everything.
    two.answer(Some(200), &two.owed(59_000_000));
    assert!(one.charge("secret", 10) && !one.charge("secret", 10) && one.charge("other", 10));
    assert_eq!((one.metric("budget_exchanges"), one.metric("budget_exchanges_failed")), (1, 0));
}

#[test]
fn without_an_answer_nobody_is_refused_for_that_and_it_is_told_again() {
    let host = host();
    let vm = Vm::new(&host, 1);
    assert!(vm.charge("a", 100) && !vm.charge("a", 100), "beyond the allowance");
    vm.tick(0);
    let first = vm.told();
    vm.answer(None, b"");
    for _ in 0..4 {
        assert!(vm.charge("a", 100));
    }
    for (number, reply) in [(1, &b"{}"[..]), (2, b"no"), (3, b"{\"tenants\":[]}")].into_iter() {
        vm.tick(number * 1_000);
        assert_eq!(vm.told(), first);
        vm.answer(Some(if number == 1 { 503 } else { 200 }), reply);
    }
    assert_eq!((vm.metric("budget_exchanges"), vm.metric("budget_exchanges_failed")), (4, 3));
    vm.tick(4_000);
    assert_eq!(vm.told(), first, "the tier could not say it of this tenant");
    vm.answer(Some(200), &vm.owed(10_000_000));
    vm.tick(5_000);
    assert_eq!(vm.told().tenants[0].tokens_us, 40_000_000);
    assert!(vm.told().tenants[0].sequence > first.tenants[0].sequence);
    vm.answer(Some(200), &vm.owed(50_000_000));
    vm.tick(6_000);
    assert_eq!(host.calls(), 6, "all is told");
}

#[test]
fn a_cluster_that_is_not_there_is_a_tier_that_does_not_answer() {
    let host = Fake::new();
    host.set_now(at(0));
    let vm = Vm::new(&host, 1);
    vm.charge("a", 1);
    vm.tick(0);
    assert_eq!(vm.metric("budget_exchanges_failed"), 1);
    assert!(vm.charge("a", 400) && vm.charge("a", 1));
}

#[test]
fn many_tenants_are_told_of_in_turn() {
    let host = host();
    let vm = Vm::new(&host, 1);
    for tenant in 0..2_000 {
        vm.charge(&tenant.to_string(), 1);
    }
    let mut told = std::collections::BTreeSet::new();
    for round in 0..6 {
        vm.tick(round * 1_000);
        let tell = vm.told();
        assert!(tell.tenants.len() <= MAX_TENANTS);
        told.extend(tell.tenants.iter().map(|used| used.tenant));
        let body = vm.owed(0);
        vm.answer(Some(200), &body);
    }
    assert!(told.len() > 900, "{} of 1,024 accounts", told.len());
}

#[test]
fn an_answer_to_somebody_else_is_left_alone() {
    let host = host();
    let vm = Vm::new(&host, 1);
    host.answer_call(None, b"");
    vm.budgets.answered(&*host, &vm.counters, 99, 0);
    assert_eq!(vm.metric("budget_exchanges_failed"), 0);
}
