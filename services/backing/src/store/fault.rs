//! What the store says, in our words. Its own hold names of objects.

use crate::Fault;
use object_store::Error;
use object_store::client::{HttpError, HttpErrorKind};

/// The word for an error.
#[must_use]
pub fn fault(error: &Error) -> Fault {
    match error {
        Error::PermissionDenied { .. } | Error::Unauthenticated { .. } => Fault::Denied,
        error if is_denied(error) => Fault::Denied,
        error => match http_error(error).map(HttpError::kind) {
            Some(HttpErrorKind::Timeout) => Fault::TimedOut,
            Some(HttpErrorKind::Connect | HttpErrorKind::Interrupted) => Fault::Connection,
            _ => Fault::Failed,
        },
    }
}

/// Of a list the library keeps the status to itself, but for its text.
fn is_denied(error: &Error) -> bool {
    let text = error.to_string();
    ["status code: 401", "status code: 403"].into_iter().any(|status| text.contains(status))
}

/// The error of the connection that is behind it, if there is one.
fn http_error(error: &Error) -> Option<&HttpError> {
    let mut source = std::error::Error::source(error);
    while let Some(error) = source {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        source = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_has_its_word() {
        let http = |kind| {
            let source = HttpError::new(kind, std::io::Error::other("x"));
            Error::Generic { store: "S3", source: source.into() }
        };
        let denied =
            Error::PermissionDenied { path: "secret".to_owned(), source: std::io::Error::other("x").into() };
        for (error, expected) in [
            (denied, Fault::Denied),
            (http(HttpErrorKind::Timeout), Fault::TimedOut),
            (http(HttpErrorKind::Connect), Fault::Connection),
            (http(HttpErrorKind::Decode), Fault::Failed),
            (Error::NotImplemented { operation: "x".to_owned(), implementer: "y".to_owned() }, Fault::Failed),
        ] {
            assert_eq!(fault(&error), expected, "{error}");
        }
    }
}
