//! Marks of a layer: read from it, kept in it.
//!
//! **A layer's entries are served only by who has read its marks.** Others may have purged what lies in it, while this
//! process was not running, or could not reach it. So a layer whose marks were not read lately has nothing.

use super::Layer;
use crate::clock::now_ms;
use crate::purge::{Mark, Scope};
use spillway_backing::Fault;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// After so many intervals without having read the marks, they count as unknown.
const LATE_INTERVALS: u32 = 5;

/// How long reading or keeping marks may take: more than a lookup, because nobody waits for it, except who purges.
const MARKS_TIMEOUT: Duration = Duration::from_secs(2);

/// Where a layer stands with its marks.
#[derive(Debug, Default)]
pub(super) struct Sync {
    read_at: Mutex<Option<Instant>>,
    /// Marks that the layer was not told yet.
    unsent: Mutex<BTreeMap<Scope, u64>>,
}

impl Layer {
    /// Whether its marks are known.
    #[must_use]
    pub fn knows_marks(&self) -> bool {
        let read_at = *self.sync.read_at.lock().unwrap_or_else(PoisonError::into_inner);
        read_at.is_some_and(|at| at.elapsed() <= self.config.marks_every * LATE_INTERVALS + MARKS_TIMEOUT)
    }

    /// Keeps a mark in the layer. False if that has to wait until the layer can be reached.
    pub async fn keep_mark(&self, mark: Mark) -> bool {
        self.keep_or_wait(vec![mark]).await.is_ok()
    }

    /// How many marks wait for the layer to be reached.
    #[must_use]
    pub fn unsent_marks(&self) -> usize {
        self.unsent(|unsent| unsent.len())
    }

    /// Keeps what could not be kept before, then reads all marks.
    ///
    /// # Errors
    /// When the layer cannot be reached.
    pub async fn exchange_marks(&self) -> Result<(), Fault> {
        let unsent = self.unsent(std::mem::take);
        if !unsent.is_empty() {
            let marks = unsent.into_iter().map(|(scope, before_ms)| Mark { scope, before_ms });
            self.keep_or_wait(marks.collect()).await?;
        }
        let started = Instant::now();
        let marks = timeout(MARKS_TIMEOUT, self.backend.marks()).await.unwrap_or(Err(Fault::TimedOut))?;
        if let Some(marks) = marks {
            self.learn(&marks).await;
        }
        // From when it was asked: what was marked since may not be among the answers.
        *self.sync.read_at.lock().unwrap_or_else(PoisonError::into_inner) = Some(started);
        Ok(())
    }

    /// Takes in what the layer keeps, and gives it what it lacks: it may have been emptied, or be new. Where that fails
    /// it is done later; what is known here holds here in any case.
    async fn learn(&self, marks: &[Mark]) {
        let learned = marks.iter().filter(|mark| self.shared.marks.learn(**mark)).count();
        if learned > 0 {
            tracing::info!(tier = self.tier.as_str(), marks = learned, "purges of others were learned");
        }
        let missing = self.shared.marks.missing_from(marks, now_ms());
        if !missing.is_empty()
            && let Err(fault) = self.keep_or_wait(missing).await
        {
            tracing::debug!(tier = self.tier.as_str(), %fault, "purges could not be given to it yet");
        }
    }

    /// Exchanges marks for ever.
    pub async fn keep_exchanging_marks(&self) {
        let mut was_reached = true;
        loop {
            tokio::time::sleep(self.config.marks_every).await;
            let exchanged = self.exchange_marks().await;
            match exchanged {
                Err(fault) if was_reached => {
                    tracing::warn!(tier = self.tier.as_str(), %fault, "purges are not known: nothing is served from it");
                }
                Ok(()) if !was_reached => tracing::info!(tier = self.tier.as_str(), "purges are known again"),
                _ => {}
            }
            was_reached = exchanged.is_ok();
        }
    }

    /// Keeps marks in the layer, or here until it can be reached.
    async fn keep_or_wait(&self, marks: Vec<Mark>) -> Result<(), Fault> {
        let oldest_ms = self.shared.marks.oldest_ms(now_ms());
        let keeping = self.backend.keep_marks(marks.clone(), oldest_ms);
        let kept = timeout(MARKS_TIMEOUT, keeping).await.unwrap_or(Err(Fault::TimedOut));
        if kept.is_err() {
            self.unsent(|unsent| {
                for mark in marks {
                    let known = unsent.entry(mark.scope).or_default();
                    *known = mark.before_ms.max(*known);
                }
            });
        }
        kept
    }

    fn unsent<T>(&self, change: impl FnOnce(&mut BTreeMap<Scope, u64>) -> T) -> T {
        change(&mut self.sync.unsent.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
