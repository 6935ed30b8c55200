//! One tenant's account.

use serde::{Deserialize, Serialize};
use spillway_primitives::Timestamp;

use super::bucket::{Bucket, nanos};
use super::untold::{Sharing, Untold};
use super::used::Used;
use super::{Charged, Quota, Standing, signed};
use crate::reason::Reason;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Account {
    pub(super) tenant: u64,
    requests: Bucket,
    tokens: Bucket,
    /// Nothing where the budget is not shared.
    pub(super) untold: Untold,
}

impl Account {
    pub(super) fn of(tenant: u64) -> Self {
        Self { tenant, ..Self::default() }
    }

    /// Charges a request and so many tokens, if both budgets have room for them.
    pub(super) fn charge(
        &mut self,
        tokens: u64,
        now: Timestamp,
        quota: &Quota,
        sharing: Option<&Sharing>,
    ) -> Charged {
        let requests_wait = quota.requests_per_minute.and_then(|quota| self.requests.wait(1, quota, now));
        let tokens_wait = quota.tokens_per_minute.and_then(|quota| self.tokens.wait(tokens, quota, now));
        let used = used(1, signed(tokens), quota);
        let (mut wait, mut by_tokens) = (requests_wait.max(tokens_wait), tokens_wait >= requests_wait);
        if let Some(sharing) = sharing.filter(|_| wait.is_none()) {
            let (requests, tokens) = self.untold.is_beyond(used, sharing, now);
            (wait, by_tokens) = ((requests || tokens).then_some(sharing.interval), tokens);
        }
        if let Some(retry_after) = wait {
            let reason = if by_tokens { Reason::OverTokenBudget } else { Reason::OverRequestBudget };
            return Charged::Over { reason, retry_after, standing: self.standing(now, quota) };
        }
        self.use_up(used, now, sharing.is_some());
        Charged::Within(self.standing(now, quota))
    }

    /// So many tokens more were used, or fewer where that is less than zero.
    pub(super) fn correct(&mut self, tokens: i64, now: Timestamp, quota: &Quota, sharing: Option<&Sharing>) {
        self.use_up(used(0, tokens, quota), now, sharing.is_some());
    }

    fn use_up(&mut self, used: Used, now: Timestamp, shared: bool) {
        self.requests.owe(used.requests, now);
        self.tokens.owe(used.tokens, now);
        if shared && !used.is_nothing() {
            self.untold.use_up(used, now);
        }
    }

    /// Whether it holds no information.
    pub(super) fn is_idle(&self, now: Timestamp, sharing: Option<&Sharing>) -> bool {
        // Where nobody answers, what is paid need not be told any more.
        let is_told = self.untold.is_nothing()
            || sharing.is_none_or(|sharing| self.untold.is_late(now, sharing.patience));
        self.requests.is_full(now) && self.tokens.is_full(now) && is_told
    }

    pub(super) fn standing(&self, now: Timestamp, quota: &Quota) -> Standing {
        Standing {
            requests: quota.requests_per_minute.map(|quota| self.requests.left(quota, now)),
            tokens: quota.tokens_per_minute.map(|quota| self.tokens.left(quota, now)),
        }
    }

    /// What is taken to be owed.
    pub(super) fn owed(&self, now: Timestamp) -> Used {
        let owed = |bucket: Bucket| i64::try_from(bucket.owed(now).as_nanos()).unwrap_or(i64::MAX);
        Used { requests: owed(self.requests), tokens: owed(self.tokens) }
    }

    /// What all processes together owe, as far as they have told it; what this one has not told comes on top.
    pub(super) fn hear(&mut self, round: u64, owed: Used, now: Timestamp) {
        if self.untold.answered(round, now) {
            let all = owed.plus(self.untold.all());
            self.requests = Bucket::owing(all.requests, now);
            self.tokens = Bucket::owing(all.tokens, now);
        }
    }
}

fn used(requests: i64, tokens: i64, quota: &Quota) -> Used {
    let of = |quota: Option<u64>, units: i64| quota.map_or(0, |quota| nanos(units, quota));
    Used { requests: of(quota.requests_per_minute, requests), tokens: of(quota.tokens_per_minute, tokens) }
}
