use super::*;
use crate::cache::trace::Sizes;

fn trace() -> Trace {
    Trace::new(1, 20_000, Sizes::Mixed(1.0))
}

#[test]
fn what_was_put_last_is_there_and_what_never_came_is_not() {
    let trace = trace();
    for kind in Kind::ALL {
        let mut cache = kind.cache(&trace, 512);
        assert!(!cache.request(1, 100), "{kind:?}");
        assert!(cache.request(1, 100), "{kind:?}");
        assert!(!cache.request(2, 100), "{kind:?}");
        assert!(cache.request(1, 100), "{kind:?}");
    }
}

#[test]
fn one_that_is_larger_than_the_cache_does_no_harm() {
    let trace = trace();
    for kind in Kind::ALL {
        let mut cache = kind.cache(&trace, 512);
        cache.request(1, 100);
        assert!(!cache.request(2, u32::MAX) && !cache.request(2, u32::MAX), "{kind:?}");
        assert!(cache.request(1, 100), "{kind:?}");
    }
}

/// No cache has more hits than one that keeps all, and one that keeps all has a miss for each key.
#[test]
fn a_cache_that_has_room_for_all_has_all() {
    let trace = trace();
    let mut keys = trace.requests.clone();
    keys.sort_unstable();
    keys.dedup();
    let hits = |kind: Kind, entries| {
        let mut cache = kind.cache(&trace, entries);
        trace.requests.iter().filter(|key| cache.request(**key, trace.sizes[**key as usize])).count()
    };
    for kind in [Kind::S3Fifo, Kind::Lru, Kind::Lfu] {
        assert_eq!(hits(kind, 1 << 20), trace.requests.len() - keys.len(), "{kind:?}");
    }
    for kind in Kind::ALL {
        assert!(hits(kind, 512) < hits(kind, 4_096), "{kind:?}");
        assert!(hits(kind, 4_096) < trace.requests.len() - keys.len(), "{kind:?}");
    }
}
