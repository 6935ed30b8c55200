//! How it went, for people: a table and a picture, as text.

mod picture;
mod table;

pub use picture::draw;
pub use table::render;
