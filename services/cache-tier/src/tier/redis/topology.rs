//! Which master of a cluster has a key. The library knows, and routes by it, but does not tell; it is asked for here so
//! that each master can have a circuit.

use redis::Value;
use spillway_backing::redis::Connections;
use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// More masters than this share circuits.
pub(super) const PARTS: usize = 64;

/// How often it is asked for.
const EVERY: Duration = Duration::from_millis(500);

/// How long asking may take.
const TIMEOUT: Duration = Duration::from_secs(1);

/// After so many questions in a row without any answer the connection is made anew.
const SILENT: u32 = 3;

/// Which slots are whose.
#[derive(Debug, Default)]
pub(super) struct Topology {
    known: RwLock<Known>,
}

#[derive(Debug, Default)]
struct Known {
    /// A number for each master that there ever was: one that takes over begins with a circuit of its own.
    numbers: HashMap<Vec<u8>, usize>,
    /// First slot, last slot, number of the master.
    ranges: Vec<(u16, u16, usize)>,
}

impl Topology {
    /// Learns it, and goes on learning it for as long as it is used.
    pub(super) fn start(connections: &Arc<Connections>) -> Arc<Self> {
        let topology = Arc::new(Self::default());
        let (weak, connections) = (Arc::downgrade(&topology), Arc::clone(connections));
        tokio::spawn(async move {
            let mut silent = 0;
            while let Some(topology) = weak.upgrade() {
                // What is known stays, while nobody can say what has changed.
                match timeout(TIMEOUT, ask(&connections)).await {
                    Ok(Some(slots)) => {
                        topology.learn(&slots);
                        silent = 0;
                    }
                    Ok(None) => silent = 0,
                    Err(_) => silent += 1,
                }
                if silent == SILENT {
                    connections.renew();
                    silent = 0;
                }
                drop(topology);
                sleep(EVERY).await;
            }
        });
        topology
    }

    /// The number of the master that has a key; 0 while nobody knows.
    pub(super) fn part(&self, key: &str) -> usize {
        let slot = slot(key);
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let range = known.ranges.iter().find(|(first, last, _)| (*first..=*last).contains(&slot));
        range.map_or(0, |(_, _, number)| *number)
    }

    /// From what `CLUSTER SLOTS` answers: for each range its first and last slot, then its nodes, the master first, each
    /// with address, port and id.
    fn learn(&self, slots: &Value) {
        let Value::Array(rows) = slots else { return };
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        let mut ranges = Vec::with_capacity(rows.len());
        for row in rows {
            let Value::Array(row) = row else { continue };
            let [Value::Int(first), Value::Int(last), Value::Array(master), ..] = row.as_slice() else {
                continue;
            };
            let (Ok(first), Ok(last)) = (u16::try_from(*first), u16::try_from(*last)) else { continue };
            let Some(Value::BulkString(id)) = master.get(2) else { continue };
            let next = known.numbers.len() % PARTS;
            let number = *known.numbers.entry(id.clone()).or_insert(next);
            ranges.push((first, last, number));
        }
        known.ranges = ranges;
    }
}

async fn ask(connections: &Connections) -> Option<Value> {
    let mut connection = connections.get().await.ok()?;
    redis::cmd("CLUSTER").arg("SLOTS").query_async(&mut connection).await.ok()
}

/// CRC16 (XMODEM) of the key, or of what stands between its first braces, modulo 16384: the cluster's specification.
fn slot(key: &str) -> u16 {
    let tag = key.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(tag, _)| tag);
    let hashed = tag.filter(|tag| !tag.is_empty()).unwrap_or(key);
    let crc = hashed.bytes().fold(0_u16, |crc, byte| {
        (0..8).fold(crc ^ (u16::from(byte) << 8), |crc, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 }
        })
    });
    crc % 16_384
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: i64, last: i64, id: &str) -> Value {
        let text = |text: &str| Value::BulkString(text.as_bytes().to_vec());
        let node = Value::Array(vec![text("127.0.0.1"), Value::Int(7000), text(id), Value::Array(vec![])]);
        Value::Array(vec![Value::Int(first), Value::Int(last), node.clone(), node])
    }

    #[test]
    fn slots_are_those_of_the_specification() {
        for (key, expected) in [("123456789", 12_739), ("foo", 12_182), ("{foo}bar", 12_182)] {
            assert_eq!(slot(key), expected, "{key}");
        }
        assert_eq!(slot("{user1000}.following"), slot("{user1000}.followers"));
        assert_ne!(slot("x{}y"), slot("x{}z"), "empty braces are none");
    }

    #[test]
    fn who_takes_over_is_another_part() {
        let topology = Topology::default();
        assert_eq!(topology.part("foo"), 0);
        let (low, high) = (range(0, 8_191, "a"), range(8_192, 16_383, "b"));
        topology.learn(&Value::Array(vec![low.clone(), high]));
        assert_eq!((topology.part("foo"), topology.part("bar")), (1, 0), "12182 and 5061");
        topology.learn(&Value::Array(vec![low, range(8_192, 16_383, "c")]));
        assert_eq!((topology.part("foo"), topology.part("bar")), (2, 0));
        topology.learn(&Value::Nil);
        assert_eq!(topology.part("foo"), 2, "no answer changes nothing");
        topology.learn(&Value::Array(vec![Value::Nil, Value::Array(vec![Value::Int(1)])]));
        assert_eq!(topology.part("foo"), 0, "nobody has it");
    }
}
