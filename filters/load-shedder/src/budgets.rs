//! What each tenant may use, for all Envoy workers of the process.

use spillway_host::{Host, HostError, Slot};
use spillway_primitives::Timestamp;
use spillway_shedding::budget::{Accounts, Charged, SETS, Standing, set_of};

use crate::classes::Who;

/// The accounts of all tenants: a bounded number of records of bounded size.
pub(crate) struct Budgets {
    sets: Vec<Slot>,
    /// Charged and counted, and nobody is refused.
    pub(crate) dry_run: bool,
}

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
    pub(crate) fn new(host: &dyn Host, dry_run: bool) -> Result<Self, HostError> {
        let sets: Vec<_> = (0..SETS).map(|set| Slot::new(format!("spillway/budget/{set}"))).collect();
        sets.iter().try_for_each(|set| set.create(host))?;
        Ok(Self { sets, dry_run })
    }

    /// Charges a request that is going to use about so many tokens. `None` where its tenant has no budget, or the accounts
    /// cannot be written: who cannot be charged is not refused.
    pub(crate) fn charge(&self, host: &dyn Host, who: &Who, tokens: u64, now: Timestamp) -> Option<Charged> {
        if who.quota.requests_per_minute.is_none() && who.quota.tokens_per_minute.is_none() {
            return None;
        }
        let mut charged = None;
        self.update(host, who, |accounts| {
            charged = Some(accounts.charge(who.tenant, tokens, now, &who.quota));
        });
        charged
    }

    /// An answer used so many tokens.
    pub(crate) fn correct(&self, host: &dyn Host, charge: &Charge, used: u64, now: Timestamp) {
        let Charge { who, tokens, .. } = charge;
        self.update(host, who, |accounts| accounts.correct(who.tenant, *tokens, used, now, &who.quota));
    }

    fn update(&self, host: &dyn Host, who: &Who, mut change: impl FnMut(&mut Accounts)) {
        let set = usize::try_from(set_of(who.tenant)).ok().and_then(|set| self.sets.get(set));
        let Some(set) = set else { return };
        let updated = set.update(host, |bytes| {
            // What is damaged, or of another release, is forgotten.
            let mut accounts = Accounts::decode(bytes).unwrap_or_default();
            change(&mut accounts);
            accounts.encode().ok()
        });
        if let Err(error) = updated {
            log::debug!("a budget cannot be charged: {error}");
        }
    }
}
