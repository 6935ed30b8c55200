use super::{Added, Table};
use spillway_contract::cache::protocol::budgets::{MAX_OWED_US, Name, TenantUsed};
use spillway_primitives::Timestamp;

const HERE: Name = Name([1; 32]);
const THERE: Name = Name([2; 32]);

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_millis((1_700_000_000 + seconds) * 1_000)
}

fn used(tenant: u8, sequence: u64, tokens_us: i64) -> TenantUsed {
    TenantUsed { tenant: Name([tenant; 32]), sequence, requests_us: 1_000_000, tokens_us }
}

fn added(requests_us: i64, tokens_us: i64, is_new: bool) -> Option<Added> {
    Some(Added { requests_us, tokens_us, is_new })
}

#[test]
fn what_processes_use_is_added_up_once_and_paid_in_time() {
    let table = Table::new(10);
    assert_eq!(table.add(HERE, &used(1, 5, 30_000_000), at(0)), added(1_000_000, 30_000_000, true));
    assert_eq!(table.add(THERE, &used(1, 5, 10_000_000), at(0)), added(2_000_000, 40_000_000, true));
    assert_eq!(table.add(HERE, &used(1, 5, 30_000_000), at(10)), added(0, 30_000_000, false));
    assert_eq!(table.add(HERE, &used(1, 4, 1), at(10)), added(0, 30_000_000, false), "it is too late");
    assert_eq!(table.add(HERE, &used(1, 6, -10_000_000), at(10)), added(1_000_000, 20_000_000, true));
    assert_eq!(table.add(HERE, &used(2, 6, 1), at(10)), added(1_000_000, 1, true), "another tenant");
}

#[test]
fn a_debt_has_a_bound() {
    let table = Table::new(10);
    for sequence in 1..4 {
        let added = table.add(HERE, &used(1, sequence, MAX_OWED_US), at(0)).unwrap();
        assert_eq!(added.tokens_us, MAX_OWED_US);
    }
    assert_eq!(table.add(HERE, &used(1, 9, -MAX_OWED_US), at(0)).unwrap().tokens_us, 0);
}

#[test]
fn tenants_and_processes_are_bounded_and_forgotten() {
    let table = Table::new(3);
    for tenant in 0..3 {
        assert!(table.add(HERE, &used(tenant, 1, 1), at(0)).is_some());
    }
    assert_eq!(table.add(HERE, &used(3, 1, 1), at(200)), None, "what they told is still remembered");
    assert!(table.add(HERE, &used(3, 1, 1), at(310)).is_some());
    assert_eq!(table.count(), 1);
    for process in 0..1_000_u16 {
        let [low, high] = process.to_le_bytes();
        let mut name = [0; 32];
        name[..2].copy_from_slice(&[low, high]);
        assert!(table.add(Name(name), &used(3, 1, 1), at(311)).is_some());
    }
    let rows = table.rows.lock().unwrap();
    assert_eq!(rows.tenants[&Name([3; 32])].told.len(), 256);
}
