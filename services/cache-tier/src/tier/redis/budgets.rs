//! What was used of budgets, in Redis.

use super::Redis;
use crate::budgets::Added;
use spillway_backing::Fault;
use spillway_contract::cache::protocol::budgets::{MAX_OWED_US, Name, REMEMBERED_S, TenantUsed};

/// Adds what a process has used, unless it has told that before, in one step. Both keys are in the slot of the tenant. The time
/// is the server's, so the clocks of cache tiers do not matter; it is written out because Lua would round it.
const ADD: &str = "
local time = redis.call('TIME')
local now, most = time[1] * 1000000 + time[2], tonumber(ARGV[5])
local new = tonumber(ARGV[1]) > tonumber(redis.call('GET', KEYS[2]) or 0)
local owed = redis.call('HMGET', KEYS[1], 'requests', 'tokens')
for at = 1, 2 do
    owed[at] = math.min(math.max((tonumber(owed[at] or 0) or 0) - now, 0), most)
    if new then
        owed[at] = math.min(math.max(owed[at] + tonumber(ARGV[at + 1]), 0), most)
    end
end
if new then
    local full = function(at) return string.format('%.0f', now + owed[at]) end
    redis.call('HSET', KEYS[1], 'requests', full(1), 'tokens', full(2))
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
    redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[4])
end
return {owed[1], owed[2], new and 1 or 0}
";

/// How long both keys stay, in milliseconds: longer than anything can be owed.
const LASTS_MS: u64 = REMEMBERED_S * 1_000;

impl Redis {
    /// Adds what a process has used of a tenant's budgets, and says what is owed.
    ///
    /// # Errors
    /// What Redis says, in our words.
    pub async fn add_used(&self, process: Name, used: &TenantUsed) -> Result<Added, Fault> {
        let account = format!("{}b:{{{}}}", self.prefix, used.tenant.to_hex());
        let told = format!("{account}:{}", process.to_hex());
        let mut command = redis::cmd("EVAL");
        command.arg(ADD).arg(2).arg(account).arg(told);
        command.arg(used.sequence).arg(used.requests_us).arg(used.tokens_us).arg(LASTS_MS).arg(MAX_OWED_US);
        let (requests_us, tokens_us, new): (i64, i64, i64) = self.ask(&command).await?;
        Ok(Added { requests_us, tokens_us, is_new: new == 1 })
    }
}
