//! Budgets that several Envoys share: what was used here is told to the cache tier, which says what all have used.
//!
//! No request waits for it. Whichever VM of the process finds that it is time tells all that the process has used since the
//! last round; when the answer is lost, the same is told again in the next one. What is told and what an answer means is
//! [`spillway_shedding::budget`]'s to say.

use std::cell::{Cell, RefCell};
use std::time::Duration;

use sha2::{Digest as _, Sha256};
use spillway_contract::cache::protocol::budgets::{
    BUDGETS_MEDIA_TYPE, BUDGETS_PATH, MAX_TELL_BYTES, MAX_TENANTS, Name, Tell, TenantUsed, Told,
};
use spillway_host::{Host, HostError, Path, Reply, Slot};
use spillway_primitives::Timestamp;
use spillway_shedding::budget::{Rounds, SETS, Sharing, Telling, Turn, Used, WAYS};
use twox_hash::XxHash64;

use crate::budgets::Sets;
use crate::config::{SharedBudgets, millis};
use crate::counters::Counters;

/// The name of this Envoy, if it has one.
const NODE_ID: Path<'_> = Path("xds\0node\0id");
/// So many intervals without an answer, and nobody is taken to answer.
const PATIENCE: u32 = 3;

/// What this VM tells and hears.
pub(crate) struct Exchange {
    cluster: String,
    authority: String,
    timeout: Duration,
    sharing: Sharing,
    /// Whether the tier answers, as of the last tick.
    in_touch: Cell<bool>,
    rounds: Slot,
    /// What makes this process another one than all others.
    random: u64,
    asked: RefCell<Option<Asked>>,
}

/// What was told and is not answered yet.
struct Asked {
    token: u32,
    tellings: Vec<(Name, Telling)>,
}

impl Exchange {
    /// Makes the key. On configuration, before there is traffic.
    pub(crate) fn new(host: &dyn Host, config: &SharedBudgets, vm: u64) -> Result<Self, HostError> {
        let rounds = Slot::new("spillway/budget-rounds");
        rounds.create(host)?;
        let (interval, timeout) = (millis(config.interval_ms.get()), millis(config.timeout_ms.get()));
        let node = host.property(NODE_ID).ok().flatten().unwrap_or_default();
        Ok(Self {
            cluster: config.cluster.clone(),
            authority: config.authority.clone(),
            timeout,
            sharing: Sharing {
                allowance_permille: u16::try_from(config.allowance_permille.get()).unwrap_or(1_000),
                in_touch: true,
                interval,
                patience: interval.saturating_mul(PATIENCE).saturating_add(timeout),
            },
            in_touch: Cell::new(true),
            rounds,
            random: XxHash64::oneshot(host.now().as_nanos() ^ vm.rotate_left(48), &node),
            asked: RefCell::default(),
        })
    }

    /// How budgets are shared now.
    pub(crate) fn sharing(&self) -> Sharing {
        Sharing { in_touch: self.in_touch.get(), ..self.sharing }
    }

    /// Begins a round, if it is time to and no other VM has.
    pub(crate) fn tick(&self, host: &dyn Host, accounts: &Sets, counters: &Counters, now: Timestamp) {
        let mut turn = None;
        self.update(host, |rounds| {
            turn = rounds.begin(now, self.sharing.interval, self.random);
            self.in_touch.set(rounds.is_in_touch(now, self.sharing.patience));
            turn.is_some()
        });
        let Some(turn) = turn else { return };
        let (tellings, next_set) = self.collect(host, accounts, turn, now);
        if tellings.is_empty() {
            self.end(host, None, now);
            return;
        }
        self.update(host, |rounds| {
            rounds.go_on_with(next_set);
            true
        });
        counters.budget_exchanges.add(host, 1);
        match self.tell(host, turn, &tellings) {
            Some(token) => {
                // Of an earlier round that is still under way the answer comes too late: it is told again.
                if self.asked.replace(Some(Asked { token, tellings })).is_some() {
                    counters.budget_exchanges_failed.add(host, 1);
                }
            }
            None => self.failed(host, counters, now),
        }
    }

    /// What is to be told in a round, and the set to begin with in the next one.
    fn collect(
        &self,
        host: &dyn Host,
        accounts: &Sets,
        turn: Turn,
        now: Timestamp,
    ) -> (Vec<(Name, Telling)>, u64) {
        let sharing = self.sharing();
        let mut all = Vec::new();
        for number in 0..SETS {
            let set = (turn.first_set + number) % SETS;
            if all.len() + WAYS > MAX_TENANTS {
                return (all, set);
            }
            let told = accounts.tell(host, set, (turn.round, now), &sharing);
            all.extend(told.into_iter().map(|telling| (name(b"tenant", telling.tenant), telling)));
        }
        (all, turn.first_set)
    }

    fn tell(&self, host: &dyn Host, turn: Turn, tellings: &[(Name, Telling)]) -> Option<u32> {
        let used = |(tenant, telling): &(Name, Telling)| TenantUsed {
            tenant: *tenant,
            sequence: telling.round,
            requests_us: telling.used.requests / 1_000,
            tokens_us: telling.used.tokens / 1_000,
        };
        let tell =
            Tell { process: name(b"process", turn.process), tenants: tellings.iter().map(used).collect() };
        let body = serde_json::to_vec(&tell).ok()?;
        let headers = [
            (":method", "POST"),
            (":path", BUDGETS_PATH),
            (":authority", self.authority.as_str()),
            (":scheme", "http"),
            ("content-type", BUDGETS_MEDIA_TYPE),
        ];
        host.http_call(&self.cluster, &headers, &body, self.timeout).ok()
    }

    /// A call-out was answered, or was not.
    pub(crate) fn answered(
        &self,
        host: &dyn Host,
        accounts: &Sets,
        counters: &Counters,
        (token, body_bytes): (u32, usize),
    ) {
        let is_ours = self
            .asked
            .try_borrow()
            .is_ok_and(|asked| asked.as_ref().is_some_and(|asked| asked.token == token));
        let Some(asked) = is_ours.then(|| self.asked.take()).flatten() else { return };
        let now = host.now();
        // What is longer is no answer: it would be read into memory.
        let reply = (body_bytes <= MAX_TELL_BYTES).then(|| Reply::read(host, body_bytes).ok()).flatten();
        let reply = reply.filter(|reply| reply.status == Some(200));
        let told = reply.and_then(|reply| Told::parse(&reply.body).ok());
        let Some(told) = told else { return self.failed(host, counters, now) };
        for owed in told.tenants.iter().take(MAX_TENANTS) {
            let of = |telling: &Telling| telling.round == owed.sequence;
            let found = asked.tellings.iter().find(|(name, telling)| *name == owed.tenant && of(telling));
            if let Some((_, telling)) = found {
                let nanos = |micros: i64| micros.saturating_mul(1_000);
                let owed = Used { requests: nanos(owed.requests_us), tokens: nanos(owed.tokens_us) };
                accounts.hear(host, telling.tenant, (telling.round, owed), now);
            }
        }
        self.end(host, Some(true), now);
    }

    fn failed(&self, host: &dyn Host, counters: &Counters, now: Timestamp) {
        counters.budget_exchanges_failed.add(host, 1);
        self.end(host, Some(false), now);
    }

    fn end(&self, host: &dyn Host, answered: Option<bool>, now: Timestamp) {
        let mut says = false;
        self.update(host, |rounds| {
            says = rounds.end(answered, now);
            self.in_touch.set(rounds.is_in_touch(now, self.sharing.patience));
            true
        });
        match answered {
            Some(true) if says => {
                log::info!("the cache tier in cluster {} adds up budgets again", self.cluster);
            }
            Some(false) if says => log::warn!(
                "the cache tier in cluster {} does not add up budgets: this envoy goes on by its own accounts",
                self.cluster
            ),
            _ => {}
        }
    }

    fn update(&self, host: &dyn Host, mut change: impl FnMut(&mut Rounds) -> bool) {
        let updated = self.rounds.update(host, |bytes| {
            // What is damaged, or of another release, is begun anew.
            let mut rounds = Rounds::decode(bytes).unwrap_or_default();
            if change(&mut rounds) { rounds.encode().ok() } else { None }
        });
        if let Err(error) = updated {
            log::debug!("rounds of budgets cannot be kept: {error}");
        }
    }
}

/// What a tenant or a process is called outside of this Envoy: a digest, so that nobody reads a credential back from it.
fn name(what: &[u8], number: u64) -> Name {
    let digest = Sha256::new()
        .chain_update(b"spillway budgets ")
        .chain_update(what)
        .chain_update(number.to_le_bytes());
    Name(digest.finalize().into())
}

#[cfg(test)]
mod tests;
