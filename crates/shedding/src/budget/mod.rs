//! What each tenant may use a minute: requests, and tokens of prompt and answer.
//!
//! Tokens are estimated before (prompt, and the output limit) and corrected when the answer says what was used. A tenant
//! that used more than was estimated owes it, at most one more budget.
//!
//! Accounts are in [`SETS`] records of at most [`WAYS`] each, so they take a bounded space whatever the number of tenants.
//! An account whose buckets are full holds no information and makes room. A tenant that still finds none shares the
//! account "rest" of its set with others like it, each by its own quota.
//!
//! A budget may be **shared** by several processes ([`Sharing`]). Each still decides by its own accounts, tells the others in
//! rounds what it has used ([`Accounts::tell`], [`Rounds`]), and learns what all of them owe ([`Accounts::hear`]). Of a budget one
//! may use no more than its allowance beyond what the others are known to know of, so N processes use at most the budget
//! and N allowances. The account "rest" is never shared.
//!
//! What is done with the verdict is the caller's: a dry run charges and lets pass.

mod account;
mod bucket;
mod header;
mod rounds;
mod untold;
mod used;

pub use bucket::{Bucket, Left};
pub use header::{limit as limit_header, policy as policy_header};
pub use rounds::{Rounds, Turn};
pub use untold::Sharing;
pub use used::Used;

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use spillway_primitives::Timestamp;

use crate::reason::Reason;
use account::Account;

const VERSION: u8 = 2;

/// How many records there are.
pub const SETS: u64 = 64;

/// The most accounts of a record.
pub const WAYS: usize = 16;

/// Which record a tenant's account is in, below [`SETS`]. The tenant is a hash: its upper bits choose.
#[must_use]
pub const fn set_of(tenant: u64) -> u64 {
    (tenant >> 32) % SETS
}

/// What a tenant may use a minute; `None` is without limit, zero nothing but one request or token a minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub requests_per_minute: Option<u64>,
    /// Tokens of prompt and answer.
    pub tokens_per_minute: Option<u64>,
}

/// What is left of a tenant's budgets; `None` where there is no quota.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Requests.
    pub requests: Option<Left>,
    /// Tokens.
    pub tokens: Option<Left>,
}

/// Whether a request is within its tenant's budgets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charged {
    /// It is, and they were charged.
    Within(Standing),
    /// It is not, and nothing was charged.
    Over {
        /// [`Reason::OverRequestBudget`] or [`Reason::OverTokenBudget`].
        reason: Reason,
        /// When the same request would be within.
        retry_after: Duration,
        /// What is left.
        standing: Standing,
    },
}

/// The accounts of one set.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accounts {
    accounts: Vec<Account>,
    rest: Account,
}

/// What the others are told of one tenant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Telling {
    /// Whose it is.
    pub tenant: u64,
    /// The number under which it is told: the same one when it is told again, a larger one else.
    pub round: u64,
    /// What was used, in whole microseconds.
    pub used: Used,
}

impl Accounts {
    /// The record that `bytes` hold; no bytes are an empty one.
    ///
    /// # Errors
    ///
    /// [`RecordError`] when another release wrote them, or nobody did.
    pub fn decode(bytes: &[u8]) -> Result<Self, RecordError> {
        record::decode(VERSION, bytes)
    }

    /// The record as bytes.
    ///
    /// # Errors
    ///
    /// [`RecordError::Damaged`] if it cannot be written, which only a lack of memory brings about.
    pub fn encode(&self) -> Result<Vec<u8>, RecordError> {
        record::encode(VERSION, self)
    }

    /// Charges a request that is going to use about so many tokens, if both budgets have room for it. `sharing`: with other
    /// processes, if there are any.
    pub fn charge(
        &mut self,
        tenant: u64,
        tokens: u64,
        now: Timestamp,
        quota: &Quota,
        sharing: Option<&Sharing>,
    ) -> Charged {
        match self.own(tenant, now, sharing) {
            Some(account) => account.charge(tokens, now, quota, sharing),
            None => self.rest.charge(tokens, now, quota, None),
        }
    }

    /// An answer used so many tokens more than was estimated, or fewer where that is less than zero.
    pub fn correct(
        &mut self,
        tenant: u64,
        tokens: i64,
        now: Timestamp,
        quota: &Quota,
        sharing: Option<&Sharing>,
    ) {
        match self.own(tenant, now, sharing) {
            Some(account) => account.correct(tokens, now, quota, sharing),
            None => self.rest.correct(tokens, now, quota, None),
        }
    }

    /// What the others are to be told in a round: what was used since the last one, and again what was told and not answered.
    #[must_use]
    pub fn tell(&mut self, round: u64, now: Timestamp, sharing: &Sharing) -> Vec<Telling> {
        let told = self.accounts.iter_mut().filter_map(|account| {
            let owed = account.owed(now);
            let (round, used) = account.untold.tell((round, owed), now, sharing.patience)?;
            Some(Telling { tenant: account.tenant, round, used })
        });
        told.collect()
    }

    /// The others answer what was told of a tenant in that round: so much is owed by all of them. What is no answer to the
    /// last that was told is left alone, as is a tenant without an account.
    pub fn hear(&mut self, tenant: u64, round: u64, owed: Used, now: Timestamp) {
        if let Some(account) = self.accounts.iter_mut().find(|account| account.tenant == tenant) {
            account.hear(round, owed, now);
        }
    }

    /// What is left of a tenant's budgets.
    #[must_use]
    pub fn standing(&self, tenant: u64, now: Timestamp, quota: &Quota) -> Standing {
        let account = self.accounts.iter().find(|account| account.tenant == tenant);
        let rest = if self.accounts.len() < WAYS { Account::default() } else { self.rest };
        account.copied().unwrap_or(rest).standing(now, quota)
    }

    /// The account of a tenant; `None` where there is no room for one.
    fn own(&mut self, tenant: u64, now: Timestamp, sharing: Option<&Sharing>) -> Option<&mut Account> {
        self.accounts.retain(|account| account.tenant == tenant || !account.is_idle(now, sharing));
        if !self.accounts.iter().any(|account| account.tenant == tenant) && self.accounts.len() < WAYS {
            self.accounts.push(Account::of(tenant));
        }
        self.accounts.iter_mut().find(|account| account.tenant == tenant)
    }
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod shared_tests;
#[cfg(test)]
mod tests;
