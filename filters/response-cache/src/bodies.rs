//! Bodies that came lately, with their canonical form: a client that asks the same again mostly sends the very same bytes,
//! and to compare them takes a tenth of the time that it takes to read them.

use std::cell::RefCell;
use std::rc::Rc;

use spillway_caching::canonical::{self, Canonical, Limits, Reason};
use twox_hash::XxHash64;

/// How many bodies are remembered; a power of two.
const PLACES: usize = 256;

/// Longer ones are read each time. So what is remembered takes a megabyte at most in each VM.
const LONGEST: usize = 4 << 10;

struct Remembered {
    body: Vec<u8>,
    canonical: Rc<Canonical>,
}

/// What is read of bodies.
pub(crate) struct Bodies {
    ignored_fields: Vec<String>,
    places: RefCell<Vec<Option<Remembered>>>,
}

impl Bodies {
    pub(crate) fn new(ignored_fields: Vec<String>) -> Self {
        Self { ignored_fields, places: RefCell::default() }
    }

    /// The canonical form of a body.
    ///
    /// # Errors
    ///
    /// The [`Reason`] for which it has none.
    pub(crate) fn read(&self, body: &[u8]) -> Result<Rc<Canonical>, Reason> {
        let read = || canonical::read(body, &self.ignored_fields, Limits::default()).map(Rc::new);
        let Ok(mut places) = self.places.try_borrow_mut() else { return read() };
        if body.len() > LONGEST {
            return read();
        }
        if places.is_empty() {
            places.resize_with(PLACES, || None);
        }
        // Whoever makes two bodies meet in one place gains nothing: they are compared byte for byte.
        let place = usize::try_from(XxHash64::oneshot(0, body) % PLACES as u64).unwrap_or(0);
        let Some(place) = places.get_mut(place) else { return read() };
        if let Some(known) = place.as_ref().filter(|known| known.body == body) {
            return Ok(Rc::clone(&known.canonical));
        }
        let canonical = read()?;
        *place = Some(Remembered { body: body.to_vec(), canonical: Rc::clone(&canonical) });
        Ok(canonical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_bytes_are_read_once_and_others_for_themselves() {
        let bodies = Bodies::new(vec!["user".to_owned()]);
        let read = |body: &str| bodies.read(body.as_bytes());
        let first = read(r#"{"model":"m","user":"a"}"#).unwrap();
        assert!(Rc::ptr_eq(&first, &read(r#"{"model":"m","user":"a"}"#).unwrap()));
        let other = read(r#"{"user":"b","model":"m"}"#).unwrap();
        assert!(!Rc::ptr_eq(&first, &other));
        assert_eq!(first, other, "the same in canonical form");
        assert_ne!(first, read(r#"{"model":"n"}"#).unwrap());
        assert_eq!(read("{"), Err(Reason::NotJson));
        assert_eq!(read("{"), Err(Reason::NotJson), "every time");
    }

    #[test]
    fn thousands_of_bodies_take_no_more_place_and_long_ones_none() {
        let bodies = Bodies::new(Vec::new());
        for number in 0..2_000 {
            let body = format!(r#"{{"seed":{number}}}"#);
            let canonical = canonical::read::<&str>(body.as_bytes(), &[], Limits::default()).unwrap();
            assert_eq!(*bodies.read(body.as_bytes()).unwrap(), canonical);
        }
        assert_eq!(bodies.places.borrow().len(), PLACES);
        let long = format!(r#"{{"x":"{}"}}"#, "x".repeat(LONGEST));
        assert!(!Rc::ptr_eq(&bodies.read(long.as_bytes()).unwrap(), &bodies.read(long.as_bytes()).unwrap()));
    }
}
