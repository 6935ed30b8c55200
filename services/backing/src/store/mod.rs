//! An object store that speaks S3: Ceph's gateway, S3 itself and others.

mod bucket;
mod credentials;
mod fault;

pub use bucket::Bucket;
pub use credentials::Credentials;
pub use fault::fault;
