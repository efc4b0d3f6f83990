//! The methods, each with every refusal it has.

mod configs;
mod in_cluster;
mod issuing;
mod kubeconfig;
mod refusals;
mod verifying;
