use super::{Cipher, EncryptionKey, Seal, Unreadable};
use crate::stored::Stored;
use bytes::Bytes;
use proptest::prelude::*;
use spillway_contract::cache::entry::{Damage, Entry};

const KEY: [u8; 32] = [5; 32];

fn stored(body: Vec<u8>) -> Stored {
    let bytes = Entry { key: KEY, body, fresh_ms: 1, ..Entry::default() }.encode().unwrap();
    Stored::read(bytes.into(), 77).unwrap()
}

fn seal(keys: &[u8], compress_above: Option<usize>) -> Seal {
    let keys: Vec<_> = keys.iter().map(|byte| EncryptionKey::new([*byte; 32])).collect();
    Seal { compress_above, cipher: Cipher::new(&keys), max_entry_bytes: 100_000 }
}

#[track_caller]
fn refuses(seal: &Seal, bytes: &Bytes, expected: Unreadable) {
    assert_eq!(seal.open(&KEY, bytes).unwrap_err(), expected);
}

#[test]
fn what_is_sealed_is_opened() {
    for keys in [&[][..], &[1], &[1, 2]] {
        for compress_above in [None, Some(100)] {
            let seal = seal(keys, compress_above);
            for body in [Vec::new(), b"{}".to_vec(), b"word ".repeat(1_000)] {
                let entry = stored(body);
                let bytes = seal.seal(&entry, 123).unwrap();
                let opened = seal.open(&KEY, &bytes).unwrap();
                assert_eq!((opened.entry.bytes(), opened.entry.stamp_ms()), (entry.bytes(), 77));
                assert_eq!(opened.expires_at_ms, 123);
            }
        }
    }
}

#[test]
fn an_entry_that_is_neither_compressed_nor_encrypted_is_not_copied() {
    let (seal, entry) = (seal(&[], None), stored(vec![1; 500]));
    let bytes = seal.seal(&entry, 1).unwrap();
    let opened = seal.open(&KEY, &bytes).unwrap();
    assert!(bytes.as_ptr_range().contains(&opened.entry.bytes().as_ptr()));
}

#[test]
fn compression_is_for_what_gets_smaller() {
    let words = stored(b"word ".repeat(1_000));
    assert!(seal(&[], Some(100)).seal(&words, 1).unwrap().len() < 500);
    assert!(seal(&[], Some(10_000)).seal(&words, 1).unwrap().len() > 5_000, "below the threshold");
    let noise: Vec<u8> =
        (0..5_000_u32).map(|n| twox_hash::XxHash64::oneshot(1, &n.to_le_bytes()).to_le_bytes()[0]).collect();
    let noise = stored(noise);
    let sealed = seal(&[], Some(100)).seal(&noise, 1).unwrap();
    assert_eq!(sealed.len(), noise.size() + 37);
}

#[test]
fn keys_are_rotated() {
    let bytes = seal(&[1], None).seal(&stored(vec![1]), 1).unwrap();
    assert!(seal(&[2, 1], None).open(&KEY, &bytes).is_ok());
    refuses(&seal(&[2], None), &bytes, Unreadable::UnknownKey);
    refuses(&seal(&[], None), &bytes, Unreadable::UnknownKey);
    let newer = seal(&[2, 1], None).seal(&stored(vec![1]), 1).unwrap();
    assert!(seal(&[2], None).open(&KEY, &newer).is_ok(), "the first one encrypts");
    assert!(!Unreadable::UnknownKey.is_useless());
}

#[test]
fn nothing_of_an_encrypted_entry_can_be_seen() {
    let (text, seal) = (b"MARKER-0815 ".repeat(10), seal(&[1], None));
    let bytes = seal.seal(&stored(text), 1).unwrap();
    assert!(!bytes.windows(11).any(|part| part == b"MARKER-0815"));
    assert_ne!(bytes, seal.seal(&stored(b"MARKER-0815 ".repeat(10)), 1).unwrap(), "each time another nonce");
}

#[test]
fn who_has_no_key_can_write_nothing() {
    let plain = seal(&[], None).seal(&stored(vec![1]), 1).unwrap();
    refuses(&seal(&[1], None), &plain, Unreadable::NotEncrypted);
    // Times are changed, and the checksum is made right again.
    let bytes = seal(&[1], None).seal(&stored(vec![1]), 1).unwrap();
    let mut head = bytes[..29].to_vec();
    head[17] ^= 0xff;
    let forged = super::envelope::wrap(&head, &[&bytes[29..bytes.len() - 8]]);
    refuses(&seal(&[1], None), &forged, Unreadable::NotAuthentic);
    // An entry is put where another one was.
    let other = [6; 32];
    assert_eq!(seal(&[1], None).open(&other, &bytes).unwrap_err(), Unreadable::NotAuthentic);
    assert_eq!(seal(&[], None).open(&other, &plain).unwrap_err(), Unreadable::OtherKey);
}

#[test]
fn what_claims_to_be_larger_than_entries_are_is_not_looked_at() {
    let (big, mut small) = (seal(&[], Some(1)), seal(&[], Some(1)));
    let bytes = big.seal(&stored(vec![0; 50_000]), 1).unwrap();
    small.max_entry_bytes = 40_000;
    refuses(&small, &bytes, Unreadable::Envelope);
}

#[test]
fn damage_inside_of_a_right_envelope() {
    let head = super::envelope::Head::new(1, 1, 3).to_bytes();
    refuses(
        &seal(&[], None),
        &super::envelope::wrap(&head, &[b"abc"]),
        Unreadable::Entry(Damage::TooShort(3)),
    );
    refuses(&seal(&[], None), &super::envelope::wrap(&head, &[b"abcd"]), Unreadable::Envelope);
    let head = super::envelope::Head::new(1, 1, 3).compressed().to_bytes();
    refuses(&seal(&[], None), &super::envelope::wrap(&head, &[b"abc"]), Unreadable::Compression);
}

proptest! {
    #[test]
    fn a_flipped_bit_anywhere_is_an_error(size in 0..2_000_usize, encrypt: bool, compress: bool, place: prop::sample::Index) {
        let seal = seal(if encrypt { &[1] } else { &[] }, compress.then_some(10));
        let mut bytes = seal.seal(&stored(vec![7; size]), 1).unwrap().to_vec();
        let bit = place.index(bytes.len() * 8);
        bytes[bit / 8] ^= 1 << (bit % 8);
        prop_assert_eq!(seal.open(&KEY, &bytes.into()).unwrap_err(), Unreadable::Envelope);
    }

    #[test]
    fn arbitrary_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), encrypt: bool) {
        let seal = seal(if encrypt { &[1] } else { &[] }, None);
        let _ = seal.open(&KEY, &Bytes::from(bytes.clone()));
        for flags in 0..4 {
            let head = [b"SWT\x01".as_slice(), &[flags], &bytes].concat();
            let _ = seal.open(&KEY, &super::envelope::wrap(&head, &[]));
        }
    }
}
