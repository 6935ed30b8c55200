use super::{Damage, Entry, EntryRef, MAX_HEADERS, is_kept};
use proptest::collection::vec;
use proptest::prelude::*;
use twox_hash::XxHash64;
#[cfg(target_arch = "wasm32")]
use wasm_bindgen_test::wasm_bindgen_test as test;

fn example() -> Entry {
    Entry {
        key: [7; 32],
        stored_at_ms: 1_700_000_000_000,
        fresh_ms: 60_000,
        stale_ms: 3_600_000,
        stale_while_revalidate_ms: 30_000,
        stale_if_error_ms: 600_000,
        status: 200,
        headers: vec![("content-type".to_owned(), b"application/json".to_vec())],
        tenant: Some([9; 32]),
        model: "smollm2-135m-instruct".to_owned(),
        revision: "r1".to_owned(),
        body: b"{\"choices\":[]}".to_vec(),
    }
}

fn any_entry() -> impl Strategy<Value = Entry> {
    let times = (any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>(), any::<u64>());
    let headers = vec(("[a-z-]{0,20}", vec(any::<u8>(), 0..40)), 0..6);
    let names = (any::<[u8; 32]>(), any::<Option<[u8; 32]>>(), ".{0,40}", ".{0,10}");
    (times, headers, names, any::<u16>(), vec(any::<u8>(), 0..3_000)).prop_map(
        |(times, headers, (key, tenant, model, revision), status, body)| Entry {
            key,
            stored_at_ms: times.0,
            fresh_ms: times.1,
            stale_ms: times.2,
            stale_while_revalidate_ms: times.3,
            stale_if_error_ms: times.4,
            status,
            headers,
            tenant,
            model,
            revision,
            body,
        },
    )
}

/// Bytes that are what an entry would be, up to the metadata.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    let checksum = XxHash64::oneshot(0, &bytes);
    bytes.extend(checksum.to_le_bytes());
    bytes
}

#[track_caller]
fn refuses(bytes: &[u8], expected: Damage) {
    assert_eq!(EntryRef::decode(bytes), Err(expected));
}

#[test]
fn the_bytes_are_those_of_the_format() {
    let entry = Entry { key: [1; 32], status: 200, body: b"hello".to_vec(), ..Entry::default() };
    let bytes = entry.encode().unwrap();
    // The key, five times of one byte, the status as a varint, no header, no tenant, two empty texts.
    let metadata = [[1; 32].as_slice(), &[0; 5], &[200, 1], &[0, 0, 0, 0]].concat();
    let expected = [b"SWE\x01".as_slice(), &[43, 0, 0, 0], &metadata, b"hello"].concat();
    assert_eq!(bytes, with_checksum(expected));
}

#[test]
fn the_body_is_borrowed() {
    let bytes = example().encode().unwrap();
    let entry = EntryRef::decode(&bytes).unwrap();
    assert!(bytes.as_ptr_range().contains(&entry.body.as_ptr()));
    assert_eq!(entry.body, example().body);
}

#[test]
fn damage_has_a_word() {
    let good = example().encode().unwrap();
    refuses(b"", Damage::TooShort(0));
    refuses(&good[..9], Damage::TooShort(9));
    refuses(&[b"XYZ".as_slice(), &good[3..]].concat(), Damage::NotAnEntry);
    refuses(&[b"SWE\x02".as_slice(), &good[4..]].concat(), Damage::Version(2));
    refuses(&good[..good.len() - 1], Damage::Checksum);
    refuses(&with_checksum(b"SWE\x01\xff\xff\xff\xff".to_vec()), Damage::MetadataTooLong(4_294_967_295));
    refuses(&with_checksum(b"SWE\x01\x05\0\0\0".to_vec()), Damage::Metadata);
    refuses(&with_checksum(b"SWE\x01\0\0\0\0body".to_vec()), Damage::Metadata);
    refuses(&with_checksum(b"SWE\x01".to_vec()), Damage::TooShort(12));
    assert_eq!(Damage::Checksum.as_str(), "checksum");
    assert_eq!(Damage::Version(2).to_string(), "an entry of version 2 is not known");
}

#[test]
fn what_no_reader_takes_is_not_written() {
    let header = ("x".to_owned(), Vec::new());
    let entry = Entry { headers: vec![header.clone(); MAX_HEADERS], ..example() };
    assert!(EntryRef::decode(&entry.encode().unwrap()).is_ok());
    let entry = Entry { headers: vec![header; MAX_HEADERS + 1], ..example() };
    assert_eq!(entry.encode(), Err(Damage::TooManyHeaders(65)));
    let entry = Entry { model: "m".repeat(70_000), ..example() };
    assert!(matches!(entry.encode(), Err(Damage::MetadataTooLong(_))));
}

#[test]
fn what_is_shown_says_nothing_about_content() {
    let shown = format!("{:?}", example());
    assert_eq!(shown, "Entry { key: \"07070707\", status: 200, body_bytes: 14, .. }");
    assert_eq!(format!("{:?}", example().borrow()), shown);
}

#[test]
fn headers_of_one_exchange_are_not_kept() {
    assert!(is_kept("content-type") && is_kept("etag"));
    for name in
        ["x-request-id", "date", "connection", "set-cookie", "endpoint-load-metrics", "content-length"]
    {
        assert!(!is_kept(name), "{name}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(entry in any_entry()) {
        let bytes = entry.encode().unwrap();
        let read = EntryRef::decode(&bytes).unwrap();
        prop_assert!(read == entry.borrow());
        prop_assert!(read.to_entry() == entry);
    }

    #[test]
    fn a_flipped_bit_anywhere_is_an_error(entry in any_entry(), place: prop::sample::Index) {
        let mut bytes = entry.encode().unwrap();
        let bit = place.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(EntryRef::decode(&bytes).is_err(), "bit {bit} of {} bytes", bytes.len());
    }

    #[test]
    fn a_part_of_an_entry_is_an_error(entry in any_entry(), place: prop::sample::Index) {
        let bytes = entry.encode().unwrap();
        prop_assert!(EntryRef::decode(&bytes[..place.index(bytes.len())]).is_err());
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in vec(any::<u8>(), 0..300), length: u8) {
        let _ = EntryRef::decode(&bytes);
        // Behind a right beginning and a right checksum as well.
        let head = [b"SWE\x01".as_slice(), &[length, 0, 0, 0]].concat();
        let _ = EntryRef::decode(&with_checksum([head, bytes].concat()));
    }
}
