//! Answering a request that is refused.

use std::time::Duration;

use spillway_contract::error_body::{ErrorBody, ErrorCode};
use spillway_contract::headers::{RATE_LIMIT, RATE_LIMIT_POLICY, RETRY_AFTER, RETRY_AFTER_MS, SHOULD_RETRY};
use spillway_host::{Host, LocalReply, whole_seconds};
use spillway_primitives::Rng;
use spillway_shedding::budget::{Quota, Standing, limit_header, policy_header};
use spillway_shedding::level::Levels;
use spillway_shedding::reason::Reason;
use spillway_shedding::retry_after::header_seconds;

/// A refusal, but for when to come back.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub(crate) reason: Reason,
    /// Whether another try can help at all.
    pub(crate) hopeless: bool,
}

/// What there is to say about a budget.
#[derive(Clone, Copy, Debug)]
pub(crate) struct OfBudget {
    pub(crate) quota: Quota,
    pub(crate) standing: Standing,
}

/// Texts that are the same for every refusal of a kind.
pub(crate) struct Texts {
    bodies: Vec<(Reason, String)>,
    /// For `%RESPONSE_CODE_DETAILS%` of the access log, by level and reason.
    details: Vec<Vec<(Reason, String)>>,
}

impl Texts {
    pub(crate) fn new(levels: &Levels) -> Self {
        let body = |reason: Reason| {
            let (code, message) = words(reason);
            (reason, ErrorBody { code, message, param: None }.to_json())
        };
        let detail = |level: &str, reason: Reason| (reason, format!("spillway_{}:{level}", reason.as_str()));
        Self {
            bodies: Reason::ALL.into_iter().map(body).collect(),
            details: levels
                .iter()
                .map(|(_, level)| Reason::ALL.into_iter().map(|reason| detail(level, reason)).collect())
                .collect(),
        }
    }

    /// Answers the request at hand, of that level.
    pub(crate) fn refuse(
        &self,
        host: &dyn Host,
        (refusal, level): (Refusal, usize),
        wait: Duration,
        budget: Option<&OfBudget>,
        rng: &mut Rng,
    ) {
        let body = text(&self.bodies, refusal.reason);
        let details = self.details.get(level).map_or("", |details| text(details, refusal.reason));
        // What is over a budget has room again at a certain time, and not a moment sooner.
        let seconds = if refusal.reason.is_shed() { header_seconds(wait, rng) } else { whole_seconds(wait) };
        let (seconds, millis) = (seconds.to_string(), wait.as_millis().max(1).to_string());
        let mut headers = vec![
            ("content-type", "application/json"),
            (RETRY_AFTER, seconds.as_str()),
            (RETRY_AFTER_MS, millis.as_str()),
        ];
        if refusal.hopeless {
            headers.push((SHOULD_RETRY, "false"));
        }
        let standing = budget.map(|budget| (policy_header(&budget.quota), limit_header(&budget.standing)));
        if let Some((policy, limit)) = &standing {
            headers.extend([(RATE_LIMIT_POLICY, policy.as_str()), (RATE_LIMIT, limit.as_str())]);
        }
        let status = words(refusal.reason).0.status();
        let reply = LocalReply { status, headers, body: body.as_bytes(), details };
        if let Err(error) = host.reply(&reply) {
            log::warn!("a request that should have been refused cannot be answered: {error}");
        }
    }
}

fn text(texts: &[(Reason, String)], reason: Reason) -> &str {
    texts.iter().find(|(known, _)| *known == reason).map_or("", |(_, text)| text)
}

const fn words(reason: Reason) -> (ErrorCode, &'static str) {
    match reason {
        Reason::Saturated => (
            ErrorCode::Saturated,
            "the service is busy and serves more important requests only; try again later",
        ),
        Reason::QueueFull => {
            (ErrorCode::QueueFull, "the service is busy and enough requests wait; try again later")
        }
        Reason::Deadline => (
            ErrorCode::DeadlineUnmet,
            "the service is busy and could not answer within the time that you wait",
        ),
        Reason::Preempted => (
            ErrorCode::Preempted,
            "the service is busy and a more important request took the place of yours; try again later",
        ),
        Reason::NoEndpoint => {
            (ErrorCode::NoEndpoint, "no endpoint can take the request at present; try again later")
        }
        Reason::OverRequestBudget => {
            (ErrorCode::OverRequestBudget, "you have sent more requests than your budget for a minute allows")
        }
        Reason::OverTokenBudget => {
            (ErrorCode::OverTokenBudget, "you have used more tokens than your budget for a minute allows")
        }
    }
}
