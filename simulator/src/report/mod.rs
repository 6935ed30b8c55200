//! How it went, for people: a table and a picture, as text.

mod picture;
mod table;

pub(crate) use picture::chart;
pub use picture::draw;
pub(crate) use table::aligned;
pub use table::render;
