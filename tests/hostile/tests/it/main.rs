//! The targets of the fuzzer over their seeds, and over mutations of these (C28).

mod growth;
mod mutate;
mod seeds;
