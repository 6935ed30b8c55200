//! Marks in Redis.

use super::Redis;
use crate::purge::{Mark, Scope};
use spillway_backing::Fault;
use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

/// Keeps later marks, forgets those that are too old, and says that something changed. One key, so it runs on a cluster
/// as well.
const KEEP: &str = "
local version, oldest, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
for at = 4, 3 + 2 * count, 2 do
    local known = redis.call('HGET', KEYS[1], ARGV[at])
    if not known or tonumber(known) < tonumber(ARGV[at + 1]) then
        redis.call('HSET', KEYS[1], ARGV[at], ARGV[at + 1])
    end
end
for at = 4 + 2 * count, #ARGV do
    local known = redis.call('HGET', KEYS[1], ARGV[at])
    if known and tonumber(known) < oldest then
        redis.call('HDEL', KEYS[1], ARGV[at])
    end
end
redis.call('HSET', KEYS[1], 'version', version)
";

const VERSION: &str = "version";

/// How many marks are kept, and how many old ones forgotten, at a time: the script holds everything up while it runs.
const AT_ONCE: usize = 500;

/// The hash of marks, and what is known of it.
#[derive(Debug)]
pub(super) struct MarkTable {
    key: String,
    known: Mutex<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// As of the last time. `None`: never asked. The text is empty where there is no hash.
    version: Option<String>,
    marks: Vec<Mark>,
}

impl MarkTable {
    pub(super) fn new(key: String) -> Self {
        Self { key, known: Mutex::default() }
    }

    /// All marks, if they changed.
    pub(super) async fn read(&self, redis: &Redis) -> Result<Option<Vec<Mark>>, Fault> {
        let mut command = redis::cmd("HGET");
        command.arg(&self.key).arg(VERSION);
        let version: Option<String> = redis.ask(&command).await?;
        let version = version.unwrap_or_default();
        if self.known(|known| known.version.as_ref() == Some(&version)) {
            return Ok(None);
        }
        let mut command = redis::cmd("HGETALL");
        command.arg(&self.key);
        let fields: HashMap<String, String> = redis.ask(&command).await?;
        let marks: Vec<_> = fields.iter().filter_map(|(field, value)| mark(field, value)).collect();
        // A change between the two questions shows as another version the next time.
        self.known(|known| *known = Known { version: Some(version), marks: marks.clone() });
        Ok(Some(marks))
    }

    /// Keeps marks, and forgets old ones. A part of them may have been kept where it fails.
    pub(super) async fn keep(&self, redis: &Redis, marks: Vec<Mark>, oldest_ms: u64) -> Result<(), Fault> {
        let mut old = self.known(|known| old(&known.marks, oldest_ms));
        for marks in marks.chunks(AT_ONCE) {
            self.keep_some(redis, marks, &std::mem::take(&mut old), oldest_ms).await?;
        }
        Ok(())
    }

    async fn keep_some(
        &self,
        redis: &Redis,
        marks: &[Mark],
        old: &[Scope],
        oldest_ms: u64,
    ) -> Result<(), Fault> {
        let mut random = [0; 8];
        getrandom::fill(&mut random).map_err(|_| Fault::Failed)?;
        let mut command = redis::cmd("EVAL");
        command.arg(KEEP).arg(1).arg(&self.key);
        command.arg(format!("{:016x}", u64::from_be_bytes(random))).arg(oldest_ms).arg(marks.len());
        for mark in marks {
            command.arg(field(mark.scope)).arg(mark.before_ms);
        }
        for scope in old {
            command.arg(field(*scope));
        }
        redis.ask::<()>(&command).await
    }

    fn known<T>(&self, look: impl FnOnce(&mut Known) -> T) -> T {
        look(&mut self.known.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

fn old(marks: &[Mark], oldest_ms: u64) -> Vec<Scope> {
    let old = marks.iter().filter(|mark| mark.before_ms < oldest_ms);
    old.map(|mark| mark.scope).take(AT_ONCE).collect()
}

fn field(scope: Scope) -> String {
    format!("{:016x}", scope.number())
}

fn mark(field: &str, value: &str) -> Option<Mark> {
    let scope = Scope::from_number(u64::from_str_radix(field, 16).ok()?);
    Some(Mark { scope, before_ms: value.parse().ok()? })
}
