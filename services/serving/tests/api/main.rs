//! A service seen from outside: one that answers next to nothing, so that what is tested is how it is served.

#[cfg(test)]
mod bodies;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod limits;
#[cfg(test)]
mod stopping;
