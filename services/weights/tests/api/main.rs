//! The cache of weights seen from outside: the program as processes that share a disk, a store behind it, and what is on
//! the disk afterwards.

#[cfg(test)]
mod bad_input;
#[cfg(test)]
mod damage;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod names;
#[cfg(test)]
mod redis;
#[cfg(test)]
mod room;
#[cfg(test)]
mod sharing;
