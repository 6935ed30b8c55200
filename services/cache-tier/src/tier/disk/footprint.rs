//! How much of the file an entry takes.
//!
//! `redb` keeps a value that does not fit into a page of 4 KiB with others in a run of pages of its own, whose length is
//! a power of two. That is what is counted, so that the bound holds for the file and not only for what was put into it.

/// Bytes of the file for a value of so many bytes.
pub(super) fn footprint(bytes: usize) -> u64 {
    let bytes = u64::try_from(bytes).unwrap_or(u64::MAX).saturating_add(OVERHEAD_BYTES);
    if bytes <= PAGE_BYTES / 2 {
        // Several share a page, which is half full as a rule: keys come in no order.
        return bytes + bytes / 4 * 3;
    }
    let pages = bytes.div_ceil(PAGE_BYTES);
    pages.checked_next_power_of_two().unwrap_or(pages).saturating_mul(PAGE_BYTES)
}

/// How much of the file entries may take by this count: the rest is for the trees' own pages, for what a transaction
/// writes before it frees, and for the gaps between runs.
pub(super) fn share_for_entries(max_bytes: u64) -> u64 {
    max_bytes / 100 * SHARE_PERCENT
}

const PAGE_BYTES: u64 = 4096;
/// Key, order, lengths.
const OVERHEAD_BYTES: u64 = 64;
const SHARE_PERCENT: u64 = 70;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_powers_of_two() {
        for (bytes, expected) in [(0, 112), (1_000, 1_862), (3_000, 4_096), (4_096, 8_192), (9_000, 16_384)] {
            assert_eq!(footprint(bytes), expected, "{bytes}");
        }
        assert_eq!(share_for_entries(1_000_000), 700_000);
    }
}
