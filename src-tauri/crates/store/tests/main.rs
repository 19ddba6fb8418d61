//! The store from outside, with more than one process and more than one handle.

#[cfg(test)]
mod kill;
#[cfg(test)]
mod two_handles;
