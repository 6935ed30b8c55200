//! What each tenant may use, for all Envoy workers of the process, and for other processes too where they share it.

use spillway_host::{Host, HostError, Slot};
use spillway_primitives::Timestamp;
use spillway_shedding::budget::{Accounts, Charged, SETS, Sharing, Standing, Telling, Used, set_of};

use crate::classes::Who;
use crate::counters::Counters;
use crate::exchange::Exchange;

/// The accounts of all tenants: a bounded number of records of bounded size.
pub(crate) struct Budgets {
    accounts: Sets,
    /// Charged and counted, and nobody is refused.
    pub(crate) dry_run: bool,
    /// With other processes; `None` where budgets are those of this one.
    exchange: Option<Exchange>,
}

/// The records of accounts.
pub(crate) struct Sets(Vec<Slot>);

/// What was charged for a request, to be put right when its answer says what it used.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Charge {
    pub(crate) who: Who,
    /// Of its prompt alone.
    pub(crate) prompt_tokens: u64,
    /// With its answer, as far as could be told.
    pub(crate) tokens: u64,
    /// What its client is told that was left then; `None` where nobody would be refused.
    pub(crate) told: Option<Standing>,
}

impl Budgets {
    /// Makes the keys. On configuration, before there is traffic.
    pub(crate) fn new(host: &dyn Host, dry_run: bool, exchange: Option<Exchange>) -> Result<Self, HostError> {
        let sets: Vec<_> = (0..SETS).map(|set| Slot::new(format!("spillway/budget/{set}"))).collect();
        sets.iter().try_for_each(|set| set.create(host))?;
        Ok(Self { accounts: Sets(sets), dry_run, exchange })
    }

    /// Charges a request that is going to use about so many tokens. `None` where its tenant has no budget, or the accounts
    /// cannot be written: who cannot be charged is not refused.
    pub(crate) fn charge(&self, host: &dyn Host, who: &Who, tokens: u64, now: Timestamp) -> Option<Charged> {
        if who.quota.requests_per_minute.is_none() && who.quota.tokens_per_minute.is_none() {
            return None;
        }
        let sharing = self.sharing();
        let mut charged = None;
        self.accounts.update(host, set_of(who.tenant), |accounts| {
            charged = Some(accounts.charge(who.tenant, tokens, now, &who.quota, sharing.as_ref()));
            true
        });
        charged
    }

    /// An answer used so many tokens.
    pub(crate) fn correct(&self, host: &dyn Host, charge: &Charge, used: u64, now: Timestamp) {
        let Charge { who, tokens, .. } = charge;
        let number = |tokens: u64| i64::try_from(tokens).unwrap_or(i64::MAX);
        let change = number(used).saturating_sub(number(*tokens));
        let sharing = self.sharing();
        self.accounts.update(host, set_of(who.tenant), |accounts| {
            accounts.correct(who.tenant, change, now, &who.quota, sharing.as_ref());
            true
        });
    }

    /// Several times a second: other processes are told what was used, if it is time to and this VM is the one to do it.
    pub(crate) fn tick(&self, host: &dyn Host, counters: &Counters, now: Timestamp) {
        if let Some(exchange) = &self.exchange {
            exchange.tick(host, &self.accounts, counters, now);
        }
    }

    /// A call-out of that number was answered, perhaps one of these.
    pub(crate) fn answered(&self, host: &dyn Host, counters: &Counters, token: u32, body_bytes: usize) {
        if let Some(exchange) = &self.exchange {
            exchange.answered(host, &self.accounts, counters, (token, body_bytes));
        }
    }

    fn sharing(&self) -> Option<Sharing> {
        self.exchange.as_ref().map(Exchange::sharing)
    }
}

impl Sets {
    /// What is to be told of a set's accounts in that round.
    pub(crate) fn tell(
        &self,
        host: &dyn Host,
        set: u64,
        (round, now): (u64, Timestamp),
        sharing: &Sharing,
    ) -> Vec<Telling> {
        let mut told = Vec::new();
        let is_written = self.update(host, set, |accounts| {
            told = accounts.tell(round, now, sharing);
            !told.is_empty()
        });
        if is_written { told } else { Vec::new() }
    }

    /// What was told of a tenant is answered.
    pub(crate) fn hear(&self, host: &dyn Host, tenant: u64, (round, owed): (u64, Used), now: Timestamp) {
        self.update(host, set_of(tenant), |accounts| {
            accounts.hear(tenant, round, owed, now);
            true
        });
    }

    /// Changes a record, where `change` says so. False where it could not be written.
    fn update(&self, host: &dyn Host, set: u64, mut change: impl FnMut(&mut Accounts) -> bool) -> bool {
        let set = usize::try_from(set).ok().and_then(|set| self.0.get(set));
        let Some(set) = set else { return false };
        let updated = set.update(host, |bytes| {
            // What is damaged, or of another release, is forgotten.
            let mut accounts = Accounts::decode(bytes).unwrap_or_default();
            if change(&mut accounts) { accounts.encode().ok() } else { None }
        });
        if let Err(error) = updated {
            log::debug!("a budget cannot be charged: {error}");
        }
        updated.is_ok()
    }
}
