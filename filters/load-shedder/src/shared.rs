//! What all requests of a VM share.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use spillway_host::{HeaderBlock, Host, RequestLine, is_for_model, paths};
use spillway_primitives::{Rng, Timestamp};
use spillway_shedding::deadline::{Asked, latest_start};
use spillway_shedding::level::Level;
use spillway_shedding::limit::End;
use spillway_shedding::queue::Member;
use spillway_shedding::reason::Reason;

use crate::answer::Answer;
use crate::body::Degraded;
use crate::budgets::Budgets;
use crate::classes::Classes;
use crate::config::ShedRule;
use crate::counters::Counters;
use crate::mail::{Mail, Word};
use crate::notices::Notices;
use crate::pool::{Pool, Rules};
use crate::refusal::{OfBudget, Refusal, Texts};
use crate::waiting::{Waiting, Waits};

/// How many requests are let go at once when several permits are free.
const MOST_AT_ONCE: u32 = 64;

/// What all requests of a VM share.
pub(crate) struct Shared {
    pub(crate) host: Rc<dyn Host>,
    /// The root context's number, in whose name is done what belongs to no request.
    pub(crate) root: u32,
    pub(crate) classes: Classes,
    /// The number of the one pool of every request; `None` where it is to be read from Envoy.
    pub(crate) only_pool: Option<usize>,
    pub(crate) pools: RefCell<Vec<Pool>>,
    pub(crate) rules: Rules,
    pub(crate) shed_rules: Vec<ShedRule>,
    pub(crate) default_rule: ShedRule,
    pub(crate) max_wait: Duration,
    /// In lower case.
    pub(crate) timeout_header: String,
    pub(crate) max_body_bytes: usize,
    pub(crate) budgets: Budgets,
    pub(crate) mail: Mail,
    pub(crate) waiting: RefCell<Waiting>,
    /// Requests that waited and were let go, until their streams are heard of.
    pub(crate) let_go: RefCell<BTreeMap<u32, Answer>>,
    pub(crate) rng: RefCell<Rng>,
    pub(crate) texts: Texts,
    pub(crate) counters: Counters,
    pub(crate) notices: RefCell<Notices>,
}

impl Shared {
    /// The pool of the request at hand; `None` where its load is not looked after.
    pub(crate) fn pool_of_request(&self) -> Option<usize> {
        if self.only_pool.is_some() {
            return self.only_pool;
        }
        let cluster = self.host.property(paths::CLUSTER_NAME).ok().flatten()?;
        let pools = self.pools.try_borrow().ok()?;
        pools.iter().position(|pool| pool.name.as_bytes() == cluster)
    }

    /// The rule for a request to that model.
    pub(crate) fn rule(&self, line: RequestLine<'_>, model: Option<&str>) -> &ShedRule {
        let fits = |rule: &&ShedRule| is_for_model(&rule.models, model) && rule.matches.holds(line);
        self.shed_rules.iter().find(fits).unwrap_or(&self.default_rule)
    }

    /// Whether the rule of a request depends on its model.
    pub(crate) fn needs_model(&self) -> bool {
        self.shed_rules.iter().any(|rule| !rule.models.is_empty())
    }

    /// The last moment at which it is of use to let a request go that came now.
    pub(crate) fn deadline(
        &self,
        headers: &HeaderBlock,
        rule: &ShedRule,
        service: Duration,
        now: Timestamp,
    ) -> Timestamp {
        let asked = Asked {
            grpc_timeout: headers.get("grpc-timeout"),
            read_timeout: headers.get("x-stainless-read-timeout"),
            timeout: headers.get("x-stainless-timeout"),
            millis: headers.get(&self.timeout_header),
        };
        let own = match rule.max_wait_ms.get() {
            0 => self.max_wait.saturating_add(service),
            own => Duration::from_millis(own).saturating_add(service),
        };
        latest_start(now, &asked, own, service)
    }

    pub(crate) const fn member(&self, stream: u32) -> Member {
        Member { vm: self.mail.vm(), stream }
    }

    /// Refuses the request at hand because of load. It is counted, and its client is told when to come back.
    pub(crate) fn refuse(&self, pool: &Pool, level: Level, reason: Reason) {
        let host = &*self.host;
        self.counters.refused(host, level, reason);
        self.say_refused(pool, level, reason);
        let Ok(mut rng) = self.rng.try_borrow_mut() else { return };
        let wait = pool.promise(host, &self.rules, &mut rng);
        let refusal = Refusal { reason, hopeless: false };
        self.texts.refuse(host, (refusal, level.index()), wait, None, &mut rng);
    }

    /// Refuses the request at hand because of its tenant's budget.
    pub(crate) fn rate_limit(
        &self,
        (pool, level): (&Pool, Level),
        refusal: Refusal,
        wait: Duration,
        budget: &OfBudget,
    ) {
        let host = &*self.host;
        self.counters.refused(host, level, refusal.reason);
        self.say_refused(pool, level, refusal.reason);
        if let Ok(mut rng) = self.rng.try_borrow_mut() {
            self.texts.refuse(host, (refusal, level.index()), wait, Some(budget), &mut rng);
        }
    }

    /// A request was made smaller: it is counted, and in the log.
    pub(crate) fn degraded(&self, pool: &Pool, level: Level, degraded: Degraded) {
        self.counters.degraded(&*self.host, level, degraded);
        if degraded.any()
            && let Ok(mut notices) = self.notices.try_borrow_mut()
        {
            let whose = (pool.name.as_str(), self.classes.levels.name(level));
            notices.degraded(whose, degraded.as_str(), self.host.now());
        }
    }

    fn say_refused(&self, pool: &Pool, level: Level, reason: Reason) {
        if let Ok(mut notices) = self.notices.try_borrow_mut() {
            let whose = (pool.name.as_str(), self.classes.levels.name(level));
            notices.refused(whose, reason.as_str(), self.host.now());
        }
    }

    /// A request is over, and gives its permit back, which goes to whoever's turn it is.
    pub(crate) fn ended(&self, answer: &Answer, end: End) {
        let (host, now) = (&*self.host, self.host.now());
        if let Some(charge) = &answer.going.charge {
            self.budgets.correct(host, charge, answer.used(charge), now);
        }
        let Ok(mut pools) = self.pools.try_borrow_mut() else { return };
        let Some(pool) = pools.get_mut(answer.going.pool) else { return };
        pool.ended(host, now, &answer.sent, answer.started, end);
        if pool.has_waiting(host) {
            self.pump(pool, 1, now);
        }
    }

    /// A request waits no longer although it was not its turn.
    pub(crate) fn gave_up(&self, waits: &Waits) {
        if let Some(charge) = &waits.going.charge {
            self.budgets.correct(&*self.host, charge, 0, self.host.now());
        }
    }

    /// Lets up to `most` requests go whose turn it is, wherever they wait.
    pub(crate) fn pump(&self, pool: &Pool, most: u32, now: Timestamp) {
        let host = &*self.host;
        let most = most.min(MOST_AT_ONCE);
        let mut going = 0;
        while going < most {
            let (next, overdue) = pool.next(host, going, now, &self.rules);
            for member in overdue {
                self.mail.send(host, pool.number, member, Word::Overdue);
            }
            let Some(next) = next else { return };
            // Whoever cannot be reached is gone; the next one has its turn.
            going += u32::from(self.mail.send(host, pool.number, next.member, Word::Go));
        }
    }

    /// Mail has come for requests that wait here.
    pub(crate) fn wake(&self) {
        let host = &*self.host;
        while let Some((number, stream, word)) = self.mail.read(host) {
            let now = host.now();
            let waits = self.waiting.try_borrow_mut().ok().and_then(|mut waiting| waiting.take(stream));
            let Ok(mut pools) = self.pools.try_borrow_mut() else { return };
            let Some(pool) = pools.iter_mut().find(|pool| pool.number == number) else { continue };
            match (waits, word) {
                (Some(waits), Word::Go) => self.go(pool, stream, &waits, now),
                (Some(waits), Word::Overdue) => self.turn_away(pool, stream, &waits, Reason::Deadline),
                (Some(waits), Word::Preempted) => self.turn_away(pool, stream, &waits, Reason::Preempted),
                // Its client went away while the mail was on its way: the permit is somebody else's.
                (None, Word::Go) => self.pump(pool, 1, now),
                (None, _) => {}
            }
        }
        host.act_for(self.root).ok();
    }

    /// Several times a second: those that waited too long are refused, and permits that are free find somebody.
    pub(crate) fn look_after_waiting(&self) {
        let (host, now) = (&*self.host, self.host.now());
        let overdue = self.waiting.try_borrow().map(|waiting| waiting.overdue(now)).unwrap_or_default();
        let Ok(mut pools) = self.pools.try_borrow_mut() else { return };
        for stream in overdue {
            let waits = self.waiting.try_borrow_mut().ok().and_then(|mut waiting| waiting.take(stream));
            let Some(waits) = waits else { continue };
            let Some(pool) = pools.get_mut(waits.going.pool) else { continue };
            pool.leave(host, self.member(stream));
            self.turn_away(pool, stream, &waits, Reason::Deadline);
        }
        for (number, pool) in pools.iter().enumerate() {
            let waits_here = self.waiting.try_borrow().is_ok_and(|waiting| waiting.any(number));
            if waits_here || pool.has_waiting(host) {
                self.pump(pool, pool.free(host), now);
            }
        }
        host.act_for(self.root).ok();
    }

    /// It is a request's turn.
    fn go(&self, pool: &mut Pool, stream: u32, waits: &Waits, now: Timestamp) {
        let host = &*self.host;
        if host.act_for(stream).is_err() {
            return;
        }
        let waited = now.since(waits.arrived);
        self.counters.admitted(host, waits.going.level);
        self.counters.wait_ms.record(host, u64::try_from(waited.as_millis()).unwrap_or(u64::MAX));
        let sent = pool.send(host, (waits.going.class, waited), now);
        if let Ok(mut let_go) = self.let_go.try_borrow_mut() {
            let_go.insert(stream, Answer::awaited(waits.going, sent, now));
        }
        if let Err(error) = host.resume_request() {
            log::warn!("a request that waited cannot be sent on: {error}");
        }
    }

    /// A request that waits is refused.
    fn turn_away(&self, pool: &mut Pool, stream: u32, waits: &Waits, reason: Reason) {
        if self.host.act_for(stream).is_ok() {
            pool.refused();
            self.gave_up(waits);
            self.refuse(pool, waits.going.level, reason);
        }
    }
}
