//! The answer of `/v1/models`.

use serde::{Serialize, Serializer};

/// The models that a server has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModelList<'a> {
    /// Their names.
    pub names: &'a [&'a str],
    /// Since when they are served, in seconds since 1970.
    pub created_s: u64,
}

#[derive(Serialize)]
struct Wire<'a> {
    object: &'static str,
    data: Vec<Model<'a>>,
}

#[derive(Serialize)]
struct Model<'a> {
    id: &'a str,
    object: &'static str,
    created: u64,
    owned_by: &'static str,
}

impl Serialize for ModelList<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let model = |id| Model { id, object: "model", created: self.created_s, owned_by: "spillway" };
        Wire { object: "list", data: self.names.iter().map(|name| model(name)).collect() }
            .serialize(serializer)
    }
}
