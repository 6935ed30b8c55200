//! Which page is whose, and which can be found again.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasher, RandomState};

/// Tokens of a page.
pub(in super::super) const PAGE_TOKENS: usize = 32;

/// The number of a page: its place in memory.
pub(in super::super) type PageId = u32;

/// All pages of a memory.
#[derive(Debug)]
pub(in super::super) struct Pages {
    states: Vec<State>,
    /// Pages of which nothing is remembered.
    blank: Vec<PageId>,
    /// Pages that nobody holds and that can be found, by when they were let go. The first one is the next to be blanked.
    idle: BTreeMap<u64, PageId>,
    by_prefix: HashMap<Prefix, PageId>,
    clock: u64,
    hasher: RandomState,
}

/// A hash of all tokens up to the end of a page. Its key is drawn when the program starts: nobody outside can look for two
/// texts with the same one.
type Prefix = u64;

#[derive(Debug, Default)]
struct State {
    holders: u32,
    /// Where it can be found, and what it holds.
    known: Option<Known>,
    /// Its place among the idle ones.
    idle_since: Option<u64>,
}

#[derive(Debug)]
struct Known {
    prefix: Prefix,
    before: Prefix,
    tokens: Vec<u32>,
}

/// The pages of a text, in order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(in super::super) struct Held {
    pages: Vec<PageId>,
    /// Pages of the text that can be found already.
    known: usize,
    /// The hash of what these hold.
    prefix: Prefix,
}

impl Held {
    pub(in super::super) fn pages(&self) -> &[PageId] {
        &self.pages
    }

    /// Tokens whose keys and values were there when the pages were taken, as long as nothing was added.
    pub(in super::super) fn found_tokens(&self) -> usize {
        self.known * PAGE_TOKENS
    }
}

impl Pages {
    /// So many pages, all blank.
    pub(in super::super) fn new(count: u32) -> Self {
        Self {
            states: (0..count).map(|_| State::default()).collect(),
            blank: (0..count).rev().collect(),
            idle: BTreeMap::new(),
            by_prefix: HashMap::new(),
            clock: 0,
            hasher: RandomState::new(),
        }
    }

    /// How many pages a text of so many tokens needs.
    pub(in super::super) fn needed(tokens: usize) -> usize {
        tokens.div_ceil(PAGE_TOKENS)
    }

    /// How many there are.
    pub(in super::super) fn count(&self) -> usize {
        self.states.len()
    }

    /// How many are held by somebody.
    pub(in super::super) fn held(&self) -> usize {
        self.count() - self.blank.len() - self.idle.len()
    }

    /// Takes pages for a text that begins with `prompt` and grows to at most `tokens`. What is remembered of its beginning
    /// is used again, but for the last token of the prompt, whose scores are needed. `None` while there are too few.
    pub(in super::super) fn take(&mut self, prompt: &[u32], tokens: usize) -> Option<Held> {
        let mut held = self.find(prompt);
        let missing = Self::needed(tokens.max(prompt.len())).saturating_sub(held.pages.len());
        let found_idle = held.pages.iter().filter(|page| self.is_idle(**page)).count();
        if missing + found_idle > self.blank.len() + self.idle.len() {
            return None;
        }
        held.pages.iter().for_each(|page| self.hold(*page));
        for _ in 0..missing {
            let page = self.blank.pop().or_else(|| self.forget_oldest())?;
            self.hold(page);
            held.pages.push(page);
        }
        Some(held)
    }

    /// The first `tokens` of a text are all there now: its whole pages can be found.
    pub(in super::super) fn learn(&mut self, held: &mut Held, tokens: &[u32]) {
        for (at, tokens) in tokens.chunks_exact(PAGE_TOKENS).enumerate().skip(held.known) {
            let Some(page) = held.pages.get(at).copied() else { return };
            let before = held.prefix;
            let prefix = self.hasher.hash_one((before, tokens));
            (held.known, held.prefix) = (at + 1, prefix);
            // The same text may have been worked on twice at the same time: the first page stays the one that is found.
            if let Some(state) = self.states.get_mut(page as usize)
                && state.known.is_none()
                && !self.by_prefix.contains_key(&prefix)
            {
                state.known = Some(Known { prefix, before, tokens: tokens.to_vec() });
                self.by_prefix.insert(prefix, page);
            }
        }
    }

    /// Gives pages back.
    pub(in super::super) fn release(&mut self, held: Held) {
        // The last page is the first to be forgotten: without those before it nobody finds it.
        for page in held.pages.into_iter().rev() {
            let Some(state) = self.states.get_mut(page as usize) else { continue };
            state.holders = state.holders.saturating_sub(1);
            if state.holders > 0 {
                continue;
            }
            if state.known.is_some() {
                self.clock += 1;
                state.idle_since = Some(self.clock);
                self.idle.insert(self.clock, page);
            } else {
                self.blank.push(page);
            }
        }
    }

    fn find(&self, prompt: &[u32]) -> Held {
        let mut held = Held::default();
        let usable = prompt.len().saturating_sub(1);
        for tokens in prompt.get(..usable).unwrap_or_default().chunks_exact(PAGE_TOKENS) {
            let before = held.prefix;
            let prefix = self.hasher.hash_one((before, tokens));
            let Some(page) = self.by_prefix.get(&prefix).copied() else { break };
            let known = self.states.get(page as usize).and_then(|state| state.known.as_ref());
            if !known.is_some_and(|known| known.before == before && known.tokens == tokens) {
                break;
            }
            held.pages.push(page);
            (held.known, held.prefix) = (held.known + 1, prefix);
        }
        held
    }

    fn is_idle(&self, page: PageId) -> bool {
        self.states.get(page as usize).is_some_and(|state| state.idle_since.is_some())
    }

    fn hold(&mut self, page: PageId) {
        if let Some(state) = self.states.get_mut(page as usize) {
            state.holders += 1;
            if let Some(since) = state.idle_since.take() {
                self.idle.remove(&since);
            }
        }
    }

    fn forget_oldest(&mut self) -> Option<PageId> {
        let (_, page) = self.idle.pop_first()?;
        let state = self.states.get_mut(page as usize)?;
        state.idle_since = None;
        if let Some(known) = state.known.take() {
            self.by_prefix.remove(&known.prefix);
        }
        Some(page)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(first: u32, tokens: usize) -> Vec<u32> {
        (first..).take(tokens).collect()
    }

    /// Works on a whole text and gives its pages back.
    fn work(pages: &mut Pages, text: &[u32]) -> usize {
        let mut held = pages.take(text, text.len()).unwrap();
        let found = held.found_tokens();
        pages.learn(&mut held, text);
        pages.release(held);
        found
    }

    #[test]
    fn a_beginning_is_found_again_but_for_the_last_token() {
        let mut pages = Pages::new(8);
        let long = text(0, 100);
        assert_eq!(work(&mut pages, &long), 0);
        assert_eq!(work(&mut pages, &long), 96);
        assert_eq!(
            work(&mut pages, &long[..64]),
            32,
            "a page whose last token is the prompt's last is read anew"
        );
        assert_eq!(work(&mut pages, &long[..65]), 64);
        let other = [&long[..40], &text(1_000, 40)].concat();
        assert_eq!(work(&mut pages, &other), 32);
        assert_eq!(work(&mut pages, &text(500, 100)), 0);
    }

    #[test]
    fn texts_share_pages_while_they_are_worked_on() {
        let mut pages = Pages::new(6);
        let prompt = text(0, 65);
        let mut first = pages.take(&prompt, 96).unwrap();
        pages.learn(&mut first, &prompt);
        let second = pages.take(&prompt, 96).unwrap();
        assert_eq!((second.found_tokens(), pages.held()), (64, 4));
        assert_eq!(first.pages()[..2], second.pages()[..2]);
        assert_ne!(first.pages()[2], second.pages()[2]);
        pages.release(first);
        assert_eq!(pages.held(), 3);
        pages.release(second);
        assert_eq!(pages.held(), 0);
    }

    #[test]
    fn pages_are_bounded_and_the_oldest_are_forgotten() {
        let mut pages = Pages::new(4);
        let (old, new) = (text(0, 64), text(1_000, 64));
        work(&mut pages, &old);
        work(&mut pages, &new);
        let held = pages.take(&text(2_000, 10), 64).unwrap();
        assert_eq!(pages.take(&text(3_000, 10), 65), None, "two of four are free");
        pages.release(held);
        assert_eq!(work(&mut pages, &[new, vec![1]].concat()), 64);
        assert_eq!(work(&mut pages, &[old, vec![1]].concat()), 0);
    }

    #[test]
    fn what_is_found_is_not_counted_as_free() {
        let mut pages = Pages::new(3);
        let prompt = text(0, 65);
        work(&mut pages, &prompt);
        assert_eq!(pages.take(&prompt, 97), None, "two found, one free, and four needed");
        assert!(pages.take(&prompt, 96).is_some());
    }

    proptest! {
        /// Whatever comes: no page has two owners who did not find it, and all come back.
        #[test]
        fn nothing_is_lost(texts in proptest::collection::vec((0_u32..4, 1_usize..120, any::<bool>()), 1..60)) {
            let mut pages = Pages::new(12);
            let mut running: Vec<(Held, Vec<u32>)> = Vec::new();
            for (family, length, leaves) in texts {
                if leaves && !running.is_empty() {
                    let (mut held, text) = running.remove(0);
                    pages.learn(&mut held, &text);
                    pages.release(held);
                }
                let text = text(family, length);
                let Some(mut held) = pages.take(&text, length) else { continue };
                prop_assert_eq!(held.pages().len(), Pages::needed(length));
                let own = &held.pages()[held.known..];
                for (other, _) in &running {
                    prop_assert!(own.iter().all(|page| !other.pages().contains(page)), "{:?} of {:?}", own, other);
                }
                pages.learn(&mut held, &text);
                running.push((held, text));
            }
            running.into_iter().for_each(|(held, _)| pages.release(held));
            prop_assert_eq!(pages.held(), 0);
            prop_assert_eq!(pages.blank.len() + pages.idle.len(), 12);
            prop_assert_eq!(pages.by_prefix.len(), pages.idle.len());
        }
    }
}
