//! What each tenant may use a minute: requests, and tokens of prompt and answer.
//!
//! Tokens are estimated before (prompt, and the output limit) and corrected when the answer says what was used. A tenant
//! that used more than was estimated owes it, at most one more budget.
//!
//! Accounts are in [`SETS`] records of at most [`WAYS`] each, so they take a bounded space whatever the number of tenants.
//! An account whose buckets are full holds no information and makes room. A tenant that still finds none shares the
//! account "rest" of its set with others like it, each by its own quota.
//!
//! What is done with the verdict is the caller's: a dry run charges and lets pass.

mod bucket;
mod header;

pub use bucket::Left;
pub use header::{limit as limit_header, policy as policy_header};

use std::time::Duration;

use serde::{Deserialize, Serialize};
use spillway_contract::record::{self, RecordError};
use spillway_primitives::Timestamp;

use crate::reason::Reason;
use bucket::Bucket;

const VERSION: u8 = 1;

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

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    tenant: u64,
    requests: Bucket,
    tokens: Bucket,
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

    /// Charges a request that is going to use about so many tokens, if both budgets have room for it.
    pub fn charge(&mut self, tenant: u64, tokens: u64, now: Timestamp, quota: &Quota) -> Charged {
        let account = self.account(tenant, now);
        let requests_wait = quota.requests_per_minute.and_then(|quota| account.requests.wait(1, quota, now));
        let tokens_wait = quota.tokens_per_minute.and_then(|quota| account.tokens.wait(tokens, quota, now));
        let wait = requests_wait.max(tokens_wait);
        if let Some(retry_after) = wait {
            let by_tokens = tokens_wait == wait;
            let reason = if by_tokens { Reason::OverTokenBudget } else { Reason::OverRequestBudget };
            return Charged::Over { reason, retry_after, standing: account.standing(now, quota) };
        }
        if let Some(quota) = quota.requests_per_minute {
            account.requests.charge(1, quota, now);
        }
        if let Some(quota) = quota.tokens_per_minute {
            account.tokens.charge(signed(tokens), quota, now);
        }
        Charged::Within(account.standing(now, quota))
    }

    /// An answer used another number of tokens than was estimated.
    pub fn correct(&mut self, tenant: u64, estimated: u64, used: u64, now: Timestamp, quota: &Quota) {
        if let Some(quota) = quota.tokens_per_minute {
            let change = signed(used).saturating_sub(signed(estimated));
            self.account(tenant, now).tokens.charge(change, quota, now);
        }
    }

    /// What is left of a tenant's budgets.
    #[must_use]
    pub fn standing(&self, tenant: u64, now: Timestamp, quota: &Quota) -> Standing {
        let account = self.accounts.iter().find(|account| account.tenant == tenant);
        let rest = if self.accounts.len() < WAYS { Account::default() } else { self.rest };
        account.copied().unwrap_or(rest).standing(now, quota)
    }

    fn account(&mut self, tenant: u64, now: Timestamp) -> &mut Account {
        self.accounts.retain(|account| account.tenant == tenant || !account.is_idle(now));
        if !self.accounts.iter().any(|account| account.tenant == tenant) && self.accounts.len() < WAYS {
            self.accounts.push(Account { tenant, ..Account::default() });
        }
        let own = self.accounts.iter_mut().find(|account| account.tenant == tenant);
        own.unwrap_or(&mut self.rest)
    }
}

impl Account {
    fn is_idle(&self, now: Timestamp) -> bool {
        self.requests.is_full(now) && self.tokens.is_full(now)
    }

    fn standing(&self, now: Timestamp, quota: &Quota) -> Standing {
        Standing {
            requests: quota.requests_per_minute.map(|quota| self.requests.left(quota, now)),
            tokens: quota.tokens_per_minute.map(|quota| self.tokens.left(quota, now)),
        }
    }
}

fn signed(tokens: u64) -> i64 {
    i64::try_from(tokens).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
