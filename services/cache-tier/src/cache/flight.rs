//! Lookups under way: whoever asks for the same key meanwhile waits for the same answer.

use super::Hit;
use crate::stored::Key;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;

/// Lookups under way, by key.
#[derive(Debug, Default)]
pub(super) struct Flights {
    under_way: Mutex<HashMap<Key, watch::Receiver<Answer>>>,
}

/// `None` until the lookup is over.
type Answer = Option<Option<Hit>>;

impl Flights {
    /// Joins the lookup of that key, or begins it. It goes on if whoever began it leaves: others may wait for it.
    pub(super) async fn join(self: &Arc<Self>, key: Key, begin: impl FnOnce() -> Lookup) -> Option<Hit> {
        let mut answer = {
            let mut under_way = self.lock();
            match under_way.get(&key) {
                Some(answer) => answer.clone(),
                None => {
                    let (sender, answer) = watch::channel(None);
                    under_way.insert(key, answer.clone());
                    let landing = Landing { flights: Arc::clone(self), key };
                    let lookup = begin();
                    tokio::spawn(async move {
                        let hit = lookup.await;
                        drop(landing);
                        sender.send_replace(Some(hit));
                    });
                    answer
                }
            }
        };
        // A lookup that panicked has no answer: a miss.
        let answer = answer.wait_for(Option::is_some).await.ok()?;
        answer.clone().flatten()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Key, watch::Receiver<Answer>>> {
        // Nothing panics while the map is held, so a poisoned lock cannot hold half a change.
        self.under_way.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lookup that has not begun.
pub(super) type Lookup = std::pin::Pin<Box<dyn Future<Output = Option<Hit>> + Send>>;

/// Takes a lookup out of the map, however it ends.
struct Landing {
    flights: Arc<Flights>,
    key: Key,
}

impl Drop for Landing {
    fn drop(&mut self) {
        self.flights.lock().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::time::Duration;
    use tokio::time::{sleep, timeout};

    fn slow(count: &Arc<AtomicU32>) -> Lookup {
        let count = Arc::clone(count);
        Box::pin(async move {
            sleep(Duration::from_secs(1)).await;
            count.fetch_add(1, Ordering::Relaxed);
            None
        })
    }

    #[tokio::test(start_paused = true)]
    async fn several_are_one_and_the_next_is_another() {
        let (flights, count) = (Arc::new(Flights::default()), Arc::new(AtomicU32::new(0)));
        let all = || async {
            tokio::join!(
                flights.join([1; 32], || slow(&count)),
                flights.join([1; 32], || slow(&count)),
                flights.join([2; 32], || slow(&count)),
            )
        };
        all().await;
        assert_eq!(count.load(Ordering::Relaxed), 2);
        all().await;
        assert_eq!(count.load(Ordering::Relaxed), 4);
    }

    #[tokio::test(start_paused = true)]
    async fn it_goes_on_without_the_one_who_began_it() {
        let (flights, count) = (Arc::new(Flights::default()), Arc::new(AtomicU32::new(0)));
        let short = Duration::from_millis(10);
        assert!(timeout(short, flights.join([1; 32], || slow(&count))).await.is_err());
        flights.join([1; 32], || panic!("it is under way")).await;
        assert_eq!(count.load(Ordering::Relaxed), 1);
    }

    #[tokio::test]
    async fn a_lookup_that_panics_is_a_miss() {
        let flights = Arc::new(Flights::default());
        for _ in 0..2 {
            assert!(flights.join([1; 32], || Box::pin(async { panic!("as tests do") })).await.is_none());
        }
    }
}
